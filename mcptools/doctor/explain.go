package doctor

import (
	"context"
	"time"

	"github.com/toolgrant/toolgrant/mcptools"
)

// Explain says why a request failed, and not only what: it asks the server that
// the failure is about, with the very token and headers that the request
// carried, whether it is the token (ended, for another server, without a scope,
// not accepted though fresh), the URL (a redirect, no MCP endpoint), the network
// (an address that OpenAI can't reach, an allow-list), or OpenAI's side. r is
// what [mcptools.Set.Build] gave for the request. Like [Examine] it has no side
// effects.
//
// Where no server is involved, or nobody knows which one, nobody is asked, and
// the report says what the failure itself says.
func Explain(ctx context.Context, f *mcptools.Failure, r mcptools.Result, opts *Options) Report {
	entry, ok := r.Entry(f.ServerLabel)
	switch {
	case f.Kind == mcptools.KindPlatform:
		return told(f, "openai")
	case f.Kind == mcptools.KindInvalidTool, f.Kind == mcptools.KindUnsupported, f.Kind == mcptools.KindInvalidHistory:
		return told(f, "misconfigured")
	case !ok, !entry.Tool().OfMcp.ServerURL.Valid():
		return told(f, "")
	}
	p, t, headers := entry.Facts()
	c := Case{Provider: p, ServerURL: entry.ServerURL, Headers: headers, Failure: f}
	if !t.AccessToken.IsZero() {
		c.Token = &t
	}
	return Examine(ctx, c, opts)
}

// told is a report that rests on the failure alone. cause is "" where only the
// server could tell it.
func told(f *mcptools.Failure, cause string) Report {
	r := Report{
		Provider: f.Provider, ServerURL: f.ServerURL, Verdict: VerdictUnknown, Cause: cause, Action: f.Action,
		Steps: []Step{{Name: "openai", Detail: sentence(f)}}, Checked: time.Now().UTC(),
	}
	if cause != "" {
		r.Verdict = VerdictFailing
		r.Hypotheses = []Hypothesis{{ID: cause, Verdict: Confirmed, Action: f.Action, Detail: sentence(f)}}
	}
	return r
}

package doctor

import (
	"context"
	"time"

	"github.com/toolgrant/toolgrant/internal/entryhandle"
	"github.com/toolgrant/toolgrant/mcptools"
)

// Explain reports the cause of a failed request: it sends the token and headers
// of the request to the server that failed, and finds whether the cause is the
// token (expired, for another server, without a scope, or rejected although
// new), the URL (a redirect, not an MCP endpoint), the network (an address that
// OpenAI can't reach, an allow-list), or OpenAI. r is the result of
// [mcptools.Set.Build] for the request. Like [Examine] it has no side effects. For a
// relayed entry it sends the stored token to the server behind the relay.
//
// If no server is involved, or it is unknown which one, no request is sent, and
// the report contains only the failure.
func Explain(ctx context.Context, f *mcptools.Failure, r mcptools.Result, opts *Options) Report {
	entry, ok := r.Entry(f.ServerLabel)
	switch {
	case f.Kind == mcptools.KindPlatform:
		return fromFailure(f, "openai")
	case f.Kind == mcptools.KindInvalidTool, f.Kind == mcptools.KindUnsupported, f.Kind == mcptools.KindInvalidHistory:
		return fromFailure(f, "misconfigured")
	case !ok, !entry.Tool().OfMcp.ServerURL.Valid():
		return fromFailure(f, "")
	}
	facts := entryhandle.Of(entry)
	c := Case{Provider: facts.Provider, ServerURL: entry.Key.Server}
	switch {
	case facts.Store != nil:
		var err error
		if c, err = Stored(ctx, facts.Store, facts.Provider, entry.Key); err != nil {
			return fromFailure(f, "")
		}
	case !facts.Token.AccessToken.IsZero():
		c.Token = &facts.Token
	}
	c.Headers, c.Failure, c.Relayed = facts.Headers, f, entry.TicketID != ""
	return Examine(ctx, c, opts)
}

// fromFailure returns a report based on the failure alone. cause is "" if only
// the server could show it.
func fromFailure(f *mcptools.Failure, cause string) Report {
	r := Report{
		Provider: f.Provider, ServerURL: f.ServerURL, Verdict: VerdictUnknown, Cause: cause, Action: f.Action,
		Consent: ConsentUnknown, ConsentReason: "It was not checked.",
		Steps: []Step{{Name: "openai", Detail: sentence(f)}}, Checked: time.Now().UTC(),
	}
	if cause != "" {
		r.Verdict = VerdictFailing
		r.Hypotheses = []Hypothesis{{ID: cause, Verdict: Confirmed, Action: f.Action, Detail: sentence(f)}}
	}
	return r
}

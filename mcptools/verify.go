package mcptools

import (
	"context"
	"maps"
	"net/http"
	"time"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// Verifier returns a function that asks the server at the key's URL whether it
// accepts a token, for callers that are about to store one, such as package
// connect. It checks provenance and shape first, and sends the headers of an
// entry, also if [Options] disable the probe of Build. The verdict is
// [oauthstore.OutcomeUnknown] for tunnels, connectors and servers without
// authentication, which it does not ask. See [Set.Verifier] for several builders.
func (b *Builder) Verifier() func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
	return func(ctx context.Context, key oauthstore.Key, t oauthstore.Token) oauthstore.Verdict {
		if _, _, f := b.check(key, &t); f != nil {
			return oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonAudience, Detail: f.sentence, At: time.Now()}
		}
		return b.probe(ctx, key, t, nil)
	}
}

// serves reports whether the key is one of the builder's.
func (b *Builder) serves(key oauthstore.Key) bool {
	server, err := b.serverURL(key.Server)
	return key.Provider == b.provider.ID && err == nil && server == key.Server
}

// verifier is the function that Build passes to the credential store. It gives
// no verdict on a token that Build itself will refuse with a more exact error,
// and sends such a token nowhere.
func (b *Builder) verifier(opts *BuildOptions) func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
	more := headersOf(opts)
	return func(ctx context.Context, key oauthstore.Key, t oauthstore.Token) oauthstore.Verdict {
		_, warning, f := b.check(key, &t)
		if f != nil {
			return oauthstore.Verdict{}
		}
		if warning != "" {
			b.log.WarnContext(ctx, "mcptools: "+warning, "provider", b.provider.ID, "server_label", b.label)
		}
		fromSource := t.Provenance.Obtained == oauthstore.ObtainedSource
		if fromSource && b.accepted.has(key.Server, t.AccessToken) {
			return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted, At: time.Now()}
		}
		v := b.probe(ctx, key, t, more)
		if fromSource && v.Outcome == oauthstore.OutcomeAccepted {
			b.accepted.remember(key.Server, t.AccessToken)
		}
		return v
	}
}

func headersOf(opts *BuildOptions) map[string]string {
	if opts == nil {
		return nil
	}
	return maps.Clone(opts.Headers)
}

// probe asks the server about a token that has passed check.
func (b *Builder) probe(ctx context.Context, key oauthstore.Key, t oauthstore.Token, more map[string]string) oauthstore.Verdict {
	if b.hc == nil {
		return oauthstore.Verdict{}
	}
	v := oauthstore.Verdict{At: time.Now()}
	way, _ := b.wayOf(&t)
	headers, err := b.entryHeaders(more)
	if err != nil {
		v.Detail = words(err)
		return v
	}
	secrets, unfit := carried(way, t)
	if unfit != "" {
		v.Detail = unfit
		return v
	}
	r, h := mcpprobe.Request{URL: key.Server, Anonymous: b.provider.Check.Anonymous}, make(http.Header)
	for name, value := range headers {
		h.Set(name, value)
	}
	r.Plain = h.Clone()
	for name, value := range secrets {
		h.Set(name, value)
	}
	if at, err := b.provider.Resolve(key.Server); err == nil && r.Anonymous {
		r.CheckURL = at.Check.URL
	}
	res := mcpprobe.Probe(ctx, b.hc, r, h)
	v.Detail = res.Detail
	switch res.Outcome {
	case mcpprobe.Accepted:
		v.Outcome = oauthstore.OutcomeAccepted
	case mcpprobe.Refused:
		v.Outcome, v.Reason = oauthstore.OutcomeRefused, rejectionReasons[res.Reason]
	case mcpprobe.Unknown:
		if res.Cause == mcpprobe.CauseAnonymous {
			v.Reason = oauthstore.ReasonListsForAnyone
		}
		v.Detail += " " + res.Next()
	}
	return v
}

// rejectionReasons maps the reasons of rejections to those of verdicts.
var rejectionReasons = map[string]oauthstore.Reason{
	mcpprobe.ReasonInvalid: oauthstore.ReasonAudience, mcpprobe.ReasonAudience: oauthstore.ReasonAudience,
	mcpprobe.ReasonExpired: oauthstore.ReasonExpired, mcpprobe.ReasonRevoked: oauthstore.ReasonRevoked,
	mcpprobe.ReasonKey: oauthstore.ReasonInvalidKey, mcpprobe.ReasonScope: oauthstore.ReasonScope,
}

// probeClient returns the client for a builder's probes.
func probeClient(loopback bool, transport http.RoundTripper) *http.Client {
	return safehttp.New(&safehttp.Options{AllowLoopback: loopback, Transport: transport})
}

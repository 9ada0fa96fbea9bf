package mcptools

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/issuer"
	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// Verifier returns a function that asks the server at the key's URL whether it
// accepts a token, for callers that are about to store one, such as package
// connect. It checks provenance and shape first, and sends the headers of an
// entry, also if [Options] disable the probe of Build. The verdict is
// [oauthstore.OutcomeUnknown] for tunnels, connectors and servers without
// authentication, which it does not ask. See [Set.Verifier] for several builders.
func (b *Builder) Verifier() func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
	return func(ctx context.Context, key oauthstore.Key, t oauthstore.Token) oauthstore.Verdict {
		if _, _, f := b.check(&key, &t); f != nil {
			return oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonAudience, Detail: f.sentence, At: time.Now()}
		}
		return b.probe(ctx, key, t, nil)
	}
}

// verifier returns the function that Build passes to the credential store. It
// returns no verdict on a token that Build itself will refuse with a more exact
// error, and sends such a token nowhere.
func (b *Builder) verifier(opts *BuildOptions) func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
	more := headersOf(opts)
	return func(ctx context.Context, key oauthstore.Key, t oauthstore.Token) oauthstore.Verdict {
		_, warning, f := b.check(&key, &t)
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
	way := cmp.Or(b.wayOf(&t), new(providers.Way))
	headers, err := b.entryHeaders(more)
	if err != nil {
		v.Detail = errtext.Sentence(err)
		return v
	}
	secrets, unfit := carried(*way, t)
	if unfit != "" {
		v.Detail = unfit
		return v
	}
	r, h := mcpprobe.Request{URL: key.Server, Anonymous: b.provider.Check.Anonymous}, make(http.Header)
	for name, value := range headers {
		h.Set(name, value)
		r.Plain = append(r.Plain, name)
	}
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

// check verifies without a request that a token was obtained for the server of
// the entry, and that its shape is not that of something else. It returns the way
// of authenticating that the token belongs to, and a warning, which may be "".
func (b *Builder) check(key *oauthstore.Key, t *oauthstore.Token) (*providers.Way, string, *Failure) {
	way := b.wayOf(t)
	if way == nil {
		return nil, "", b.refusal(KindWrongTokenKind, "the credential belongs to a way of authenticating that the provider does not have", nil)
	}
	if f := b.checkProvenance(key, &t.Provenance, way); f != nil {
		return nil, "", f
	}
	switch {
	case t.TokenType != "" && t.TokenType != "Bearer" && !strings.EqualFold(t.TokenType, "Bearer"):
		return nil, "", b.refusal(KindWrongTokenKind, "the token type is not Bearer, and OpenAI sends bearer tokens only", nil)
	case !b.ownStore && expired(t, time.Now()):
		return nil, "", b.refusal(KindUnavailable, "the token that the credential store served has expired", nil)
	}
	warning, cached := b.shapes.get(way.ID, t.AccessToken)
	if !cached {
		var err error
		if warning, err = b.provider.CheckToken(way.ID, t.AccessToken.Expose()); err != nil {
			detail := errtext.Sentence(err)
			if wrong, ok := errors.AsType[*providers.WrongTokenError](err); ok {
				detail = wrong.Detail
			}
			return nil, "", b.refusal(KindWrongTokenKind, detail, err)
		}
		b.shapes.put(way.ID, t.AccessToken, warning)
	}
	return way, warning, nil
}

// checkProvenance verifies that a token of that provenance was obtained for the
// server of the entry.
func (b *Builder) checkProvenance(key *oauthstore.Key, p *oauthstore.Provenance, way *providers.Way) *Failure {
	switch {
	case way.URL != "" && key.Server != "" && key.Server != way.URL:
		return b.refusal(KindMisconfigured, "the "+way.Name+" works at "+way.URL+" only, which must be the server URL", nil)
	case p.Resource != "" && key.Server != "" && p.Resource != key.Server && !b.provider.AcceptsResource(key.Server, p.Resource):
		return b.refusal(KindWrongAudience, "the token was issued for another resource than this server; "+rule(&b.provider, *way), nil)
	case b.provider.OAuth.Pinned && way.Kind != providers.WayKey && !sameIssuer(p.Issuer, b.provider.OAuth.Issuer):
		return b.refusal(KindWrongAudience, "the token is from another authorization server than the provider's; "+rule(&b.provider, *way), nil)
	}
	return nil
}

// wayOf returns the way of authenticating that a token belongs to, nil if the
// provider has none of that name. A token of a consent without a name belongs to the
// first way. The shape of a bare token from elsewhere decides.
func (b *Builder) wayOf(t *oauthstore.Token) *providers.Way {
	if isBare(&t.Provenance) {
		return b.way(b.provider.WayOf(t.AccessToken.Expose()).ID)
	}
	return b.way(t.Provenance.Way)
}

// way is [providers.Provider.Way] without copies of the provider and the way.
func (b *Builder) way(id string) *providers.Way {
	for i := range b.provider.Ways {
		if w := &b.provider.Ways[i]; id == "" || w.ID == id {
			return w
		}
	}
	return nil
}

// secretsOf returns the names of the secrets that the way needs beside the token.
func secretsOf(w *providers.Way) []string {
	if len(w.Carry) == 0 {
		return nil
	}
	return w.Secrets()
}

// isBare reports whether only the token's shape shows its way of authenticating.
func isBare(p *oauthstore.Provenance) bool {
	bare := []oauthstore.Obtained{oauthstore.ObtainedSource, oauthstore.ObtainedStatic, oauthstore.ObtainedImport}
	return p.Way == "" && p.TokenEndpoint == "" && slices.Contains(bare, p.Obtained)
}

// sameIssuer compares a token's issuer, which may be unknown, with the
// provider's.
func sameIssuer(token, provider string) bool {
	return token == "" || provider == "" || issuer.Same(token, provider)
}

func expired(t *oauthstore.Token, now time.Time) bool {
	return !t.Expiry.IsZero() && !now.Before(t.Expiry)
}

package mcptools

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/issuer"
	"github.com/toolgrant/toolgrant/internal/secret"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// refusal is a refusal of the builder's own.
func (b *Builder) refusal(kind Kind, sentence string, err error) *Failure {
	f := newRefusal(kind, b.provider.ID, b.label, sentence, err)
	f.name = b.provider.Name
	return f
}

// check is what is known of a token without asking anybody: that it was
// obtained for the server that the entry points to, and that its shape is not
// that of something else. It returns the way that the token belongs to and a
// warning, which may be "".
func (b *Builder) check(key oauthstore.Key, t *oauthstore.Token) (providers.Way, string, *Failure) {
	p, now := &t.Provenance, time.Now()
	way, ok := b.wayOf(t)
	if !ok {
		return way, "", b.refusal(KindWrongTokenKind, "the credential belongs to a way of authenticating that the provider does not have", nil)
	}
	switch {
	case way.URL != "" && key.Server != "" && key.Server != way.URL:
		return way, "", b.refusal(KindMisconfigured, "the "+way.Name+" works at "+way.URL+" only, which must be the server URL", nil)
	case p.Resource != "" && key.Server != "" && p.Resource != key.Server && !b.provider.AcceptsResource(key.Server, p.Resource):
		return way, "", b.refusal(KindWrongAudience, "the token was issued for another resource than this server; "+b.rule(way), nil)
	case b.provider.OAuth.Pinned && way.Kind != providers.WayKey && !sameIssuer(p.Issuer, b.provider.OAuth.Issuer):
		return way, "", b.refusal(KindWrongAudience, "the token is from another authorization server than the provider's; "+b.rule(way), nil)
	case t.TokenType != "" && !strings.EqualFold(t.TokenType, "Bearer"):
		return way, "", b.refusal(KindWrongTokenKind, "the token type is not Bearer, and OpenAI sends bearer tokens only", nil)
	case expired(t, now):
		return way, "", b.refusal(KindUnavailable, "the token that the credential store served has expired", nil)
	}
	warning, known := b.looks.of(way.ID, t.AccessToken, now)
	if !known {
		var err error
		if warning, err = b.provider.CheckToken(way.ID, t.AccessToken.Expose()); err != nil {
			return way, "", b.refusal(KindWrongTokenKind, words(err), err)
		}
		b.looks.remember(way.ID, t.AccessToken, now, warning)
	}
	return way, warning, nil
}

// wayOf returns the way that a token belongs to; ok is false if the provider
// has none of that name. A token of consent without a name belongs to the
// first way. For a bare one that the caller has from elsewhere, its looks tell.
func (b *Builder) wayOf(t *oauthstore.Token) (way providers.Way, ok bool) {
	p := &t.Provenance
	bare := []oauthstore.Obtained{oauthstore.ObtainedSource, oauthstore.ObtainedStatic, oauthstore.ObtainedImport}
	if p.Way == "" && p.TokenEndpoint == "" && slices.Contains(bare, p.Obtained) {
		return b.provider.WayOf(t.AccessToken.Expose()), true
	}
	return b.provider.Way(p.Way)
}

// sameIssuer compares a token's issuer, which may be unknown, with the
// provider's.
func sameIssuer(token, provider string) bool {
	return token == "" || provider == "" || issuer.Same(token, provider)
}

// rule says what the provider's server wants, in our own words.
func (b *Builder) rule(way providers.Way) string {
	s := "it takes tokens that were issued for it"
	if b.provider.RESTToken == providers.No {
		s += " and none of the vendor's REST API"
	}
	if way.Obtain != "" {
		s += ": " + way.Obtain
	}
	return s
}

// refuse makes a refusal of an error of the credential store.
func (b *Builder) refuse(err error) *Failure {
	f := b.refusal(KindUnknown, "the credential store failed", err)
	var detail string
	var reason oauthstore.Reason
	// A source that asks another store wraps its error: the first word counts.
	for rest := err; ; {
		stored, ok := errors.AsType[*oauthstore.Error](rest)
		if !ok {
			break
		}
		detail, reason = cmp.Or(detail, stored.Said, stored.Detail), cmp.Or(reason, stored.Reason)
		f.RetryAfter = cmp.Or(f.RetryAfter, stored.RetryAfter)
		rest = stored.Err
	}
	set := func(kind Kind, sentence string) {
		f.Kind, f.Action, f.sentence = kind, kind.Action(), sentence
	}
	switch {
	case (errors.Is(err, oauthstore.ErrRefused) || errors.Is(err, oauthstore.ErrReauthorize)) && reason == oauthstore.ReasonScope:
		set(KindForbidden, "the token lacks a scope that the MCP server wants")
		f.Action = ActionStepUp
	case errors.Is(err, oauthstore.ErrRefused) && rejectionWords[reason] != "":
		set(KindUnauthorized, rejectionWords[reason])
		f.Action = ActionReconnect
	case errors.Is(err, oauthstore.ErrRefused):
		way, _ := b.provider.Way("")
		set(KindWrongAudience, "the MCP server refuses this token: "+b.rule(way))
	case errors.Is(err, oauthstore.ErrReauthorize):
		set(KindReauthorize, "the credential is spent and the owner must connect again"+because(reason))
	case reason == oauthstore.ReasonKeyUnavailable:
		set(KindMisconfigured, "the key that sealed the credential is not in the keyset")
	case errors.Is(err, oauthstore.ErrMisconfigured):
		set(KindMisconfigured, "the authorization server refuses the application, not the owner"+because(reason))
	case errors.Is(err, oauthstore.ErrNotFound):
		set(KindNotConnected, "the owner has not connected it")
	case errors.Is(err, oauthstore.ErrUnavailable):
		set(KindUnavailable, "no token can be had right now"+because(reason))
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		set(KindUnavailable, "the caller's context ended before a token was there")
	}
	f.upstream = secret.New(detail)
	return f
}

// rejectionWords are sentences for rejections whose reason the server names.
var rejectionWords = map[oauthstore.Reason]string{
	oauthstore.ReasonExpired:    "the MCP server says that the token has expired",
	oauthstore.ReasonRevoked:    "the MCP server says that the token was revoked",
	oauthstore.ReasonInvalidKey: "the MCP server does not know the API key",
}

func because(r oauthstore.Reason) string {
	if r == "" {
		return ""
	}
	return " (" + string(r) + ")"
}

// words returns the text of an error of this module, which may be a join of
// several, on one line without the packages' names.
func words(err error) string {
	if wrong, ok := errors.AsType[*providers.WrongTokenError](err); ok {
		return wrong.Detail
	}
	return strings.ReplaceAll(errtext.Sentence(err), "\n", "; ")
}

package mcptools

import (
	"cmp"
	"context"
	"errors"

	"github.com/toolgrant/toolgrant/internal/secret"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// refusal returns a refusal of an entry of the provider's.
func refusal(p *providers.Provider, label string, kind Kind, sentence string, err error) *Failure {
	f := newRefusal(kind, p.ID, label, sentence, err)
	f.name = p.Name
	return f
}

// rule returns a sentence about the tokens that the provider's server accepts.
func rule(p *providers.Provider, way providers.Way) string {
	s := "it takes tokens that were issued for it"
	if p.RESTToken == providers.No {
		s += " and none of the vendor's REST API"
	}
	if way.Obtain != "" {
		s += ": " + way.Obtain
	}
	return s
}

// storeRefusal returns the refusal for an error of the credential store.
func storeRefusal(p *providers.Provider, label string, err error) *Failure {
	f := refusal(p, label, KindUnknown, "the credential store failed", err)
	var detail string
	var reason oauthstore.Reason
	// A source that asks another store wraps its error: the outermost one counts.
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
		set(KindForbidden, "the token does not have a scope that the MCP server requires")
		f.Action = ActionStepUp
	case errors.Is(err, oauthstore.ErrRefused) && rejectionWords[reason] != "":
		set(KindUnauthorized, rejectionWords[reason])
		f.Action = ActionReconnect
	case errors.Is(err, oauthstore.ErrRefused):
		way, _ := p.Way("")
		set(KindWrongAudience, "the MCP server refuses this token: "+rule(p, way))
	case errors.Is(err, oauthstore.ErrReauthorize):
		set(KindReauthorize, "the credential is no longer valid, and the owner must connect again"+because(reason))
	case reason == oauthstore.ReasonKeyUnavailable:
		set(KindMisconfigured, "the key that sealed the credential is not in the keyset")
	case reason == oauthstore.ReasonTokenType:
		set(KindUnsupported, "the authorization server issued a token that is not a bearer token, and OpenAI sends bearer tokens only")
	case errors.Is(err, oauthstore.ErrMisconfigured):
		set(KindMisconfigured, "the authorization server refuses the application, not the owner"+because(reason))
	case errors.Is(err, oauthstore.ErrNotFound):
		set(KindNotConnected, "the owner has not connected it")
	case reason == oauthstore.ReasonLifetime:
		set(KindUnavailable, "no token lives as long as MinTTL requires")
		f.Action = ActionFixConfig
	case errors.Is(err, oauthstore.ErrUnavailable):
		set(KindUnavailable, "no token is available right now"+because(reason))
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		set(KindUnavailable, "the caller's context ended before a token was available")
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

package mcptools

import (
	"time"

	"github.com/toolgrant/toolgrant/internal/window"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// tooShort returns a sentence about tokens that expire before a response ends,
// with what helps.
func (b *Builder) tooShort(run time.Duration) string {
	s := "no token of " + b.provider.Name + " lives for the " + window.Text(run) + " that the response may run"
	if ttl := b.provider.Tokens.TTL; ttl > 0 {
		s += ", since the provider's tokens live for " + window.Text(ttl)
	}
	return s + ": connect it with a credential that lives longer, use a relay (Options.Relay), or allow less time (MinTTL, completion_window)"
}

// lifetimeRefusal returns the refusal of a token that expires before a response
// ends. Waiting does not help.
func (b *Builder) lifetimeRefusal(run time.Duration) *Failure {
	f := b.refusal(KindUnavailable, b.tooShort(run), nil)
	f.Action = ActionFixConfig
	return f
}

// mayEnd reports whether a token whose expiry is unknown ends within run, by the
// lifetime of the provider's tokens.
func (b *Builder) mayEnd(way *providers.Way, t *oauthstore.Token, run time.Duration) bool {
	ttl := b.provider.Tokens.TTL
	return t.Expiry.IsZero() && way.Kind == providers.WayOAuth && ttl > 0 && ttl < run
}

// outlived returns the refusal of a request that OpenAI may complete after a token
// in it has expired, by its completion window; nil if there is none.
func outlived(entries []Entry, request []byte) *Failure {
	run, err := window.Of(request)
	if err != nil {
		return newRefusal(KindMisconfigured, "", "", err.Error(), err)
	}
	for _, e := range entries {
		if e.state != nil && !e.Expiry.IsZero() && time.Until(e.Expiry) < run {
			return e.state().builder.lifetimeRefusal(run)
		}
	}
	return nil
}

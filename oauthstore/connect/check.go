package connect

import (
	"context"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// Check reports whether [Connector.Begin] would get as far as the user's
// consent: it returns nil, or the error that Begin would return. It discovers
// the same authorization server and chooses the same client, but registers and
// stores nothing. To learn whether the server accepts registrations, it
// sends one that is invalid; the server may still reject the real one.
func (c *Connector) Check(ctx context.Context, p providers.Provider, owner oauthstore.Owner, ask *Ask) error {
	ask = orNew(ask)
	s, err := c.site(p, owner, ask, providers.WayOAuth)
	if err == nil {
		err = c.check(ctx, &s, ask)
	}
	if err != nil {
		return fail("check", s.key, err)
	}
	return nil
}

func (c *Connector) check(ctx context.Context, s *site, ask *Ask) error {
	if err := c.checkAdmission(s); err != nil {
		return err
	}
	p, err := c.browsable(ctx, s, ask)
	if err != nil {
		return err
	}
	p.wantRefresh(ask)
	_, want, err := c.choice(s, p, ask.RedirectURL, nil)
	if err != nil || want == nil {
		return err
	}
	var known registration
	if _, err := c.load(ctx, want.id(), &known); err == nil && known.ClientID != "" {
		return nil
	}
	return obtainable(s, registrationFault(oauth.CheckRegistration(ctx, c.http, want.Endpoint), want.Redirect))
}

package connect

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/providers"
)

// stepUps counts the requests for more scopes of one credential.
type stepUps struct {
	Count int `json:"count"`
}

const (
	maxStepUps   = 3 // in stepUpWindow
	stepUpWindow = time.Hour
)

// StepUp starts a consent for more scopes. challenge is the header of the MCP
// server's 403 response with insufficient_scope. StepUp requests the earlier
// scopes and those of the challenge (MCP 2026-07-28). It returns
// [KindTooManySteps] if the token already has those scopes, so that another
// consent would change nothing, and after the third time within an hour.
func (c *Connector) StepUp(ctx context.Context, p providers.Provider, owner oauthstore.Owner, challenge http.Header, ask *Ask) (*Consent, error) {
	more := *orNew(ask)
	s, err := c.site(p, owner, &more, providers.WayOAuth)
	if err != nil {
		return nil, fail("step up", s.key, err)
	}
	wanted, _ := oauth.BearerChallenge(oauth.ParseChallenges(challenge))
	st, err := c.store.Status(ctx, s.key)
	if err != nil && !errors.Is(err, oauthstore.ErrNotFound) {
		return nil, fail("step up", s.key, err)
	}
	had := st.Provenance.ScopesAsked
	if st.Provenance.ScopesGranted != nil {
		had = st.Provenance.ScopesGranted
	}
	all := union(st.Provenance.ScopesAsked, st.Provenance.ScopesGranted, wanted.Scopes, more.Scopes)
	if len(union(had, wanted.Scopes, more.Scopes)) == len(union(had)) {
		return nil, fail("step up", s.key, fault(KindTooManySteps, "the requested scopes are already granted, without effect"))
	}
	if err := c.countStepUp(ctx, s.key); err != nil {
		return nil, fail("step up", s.key, err)
	}
	more.Scopes, more.Challenge = all, challenge
	b, err := c.begin(ctx, &s, &more)
	if err != nil {
		return nil, fail("step up", s.key, err)
	}
	return b, nil
}

// countStepUp counts a step-up and returns an error above the limit.
func (c *Connector) countStepUp(ctx context.Context, key oauthstore.Key) error {
	id := backend.ID{
		Kind: backend.KindFlow, Tenant: key.Owner.Tenant, Subject: key.Owner.Subject, Provider: key.Provider,
		Account: key.Account, Server: key.Server,
	}
	for {
		var n stepUps
		version, err := c.load(ctx, id, &n)
		if err != nil && !errors.Is(err, oauthstore.ErrNotFound) {
			return err
		}
		if n.Count >= maxStepUps {
			return &Error{Kind: KindTooManySteps, Detail: "the server requested more scopes three times within an hour", RetryAfter: stepUpWindow}
		}
		n.Count++
		_, err = c.save(ctx, id, &n, time.Now().Add(stepUpWindow), version)
		if !errors.Is(err, backend.ErrConflict) {
			return err
		}
	}
}

package oauthstore

import (
	"slices"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/secret"
)

// adapt changes the profile so that a refresh which the server rejected for its
// parameters may succeed, and reports whether it did: without the resource that
// the server rejects, or with the requested scopes that it wants. The request is
// then worth one repetition, since a server that rejects a parameter has not
// used the refresh token.
func (p *TokenProfile) adapt(e *oauth.Error, rec *storedCredential) bool {
	if e.Class != oauth.ClassConfig && e.Class != oauth.ClassBlocked || rec.clientCredentials() {
		return false
	}
	before := *p
	if rec.Provenance.Resource != "" && (e.RejectsResource() || e.FromEntra()) {
		p.NoRefreshResource = true
	}
	if len(rec.Provenance.ScopesAsked) > 0 && (e.RejectsScopes() || e.FromEntra()) {
		p.RefreshScopes = true
	}
	return p.NoRefreshResource != before.NoRefreshResource || p.RefreshScopes != before.RefreshScopes
}

// otherAudience reports whether a JWT has an audience that the JWT before it did
// not have. It returns false for other tokens, which say nothing.
func otherAudience(before, now Secret) bool {
	old := jwtClaims(before).Audience
	return len(old) > 0 && slices.ContainsFunc(jwtClaims(now).Audience, func(aud string) bool { return !slices.Contains(old, aud) })
}

// foreignAudience reports whether a refreshed JWT is for something else than the
// server, although only the server's metadata names the issuer: another vendor's
// authorization server may ignore the resource. A credential that was put into the
// store with such a token keeps its audience.
func (r *storedCredential) foreignAudience(now Secret, server string) bool {
	if r.Provenance.IssuerNamed {
		return false
	}
	foreign := func(t Secret) bool {
		return oauth.ForeignAudience(jwtClaims(t).Audience, r.Provenance.Resource, server)
	}
	before := NewSecret(r.Access)
	return foreign(now) && (!foreign(before) || otherAudience(before, now))
}

// dropAccess replaces an access token for another audience by the one before it,
// with which the next refresh is compared again. No server may see the token, and
// the parameters that led to it are not learned.
func (p *pair) dropAccess(r *storedCredential, problem string) {
	p.access, p.tokenType = secret.New(r.Access), r.TokenType
	p.noResource, p.refreshScopes = r.Profile.NoRefreshResource, r.Profile.RefreshScopes
	p.problem = problem
}

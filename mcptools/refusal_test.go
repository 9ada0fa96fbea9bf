package mcptools_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// asFailure builds, and returns what it was refused with.
func asFailure(t *testing.T, b *mcptools.Builder) *mcptools.Failure {
	t.Helper()
	tool, err := b.Build(t.Context(), ada, nil)
	require.Error(t, err)
	assert.Nil(t, tool.OfMcp, "an entry was returned beside the error")
	f, ok := errors.AsType[*mcptools.Failure](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, mcptools.StageBuild, f.Stage)
	assert.Equal(t, "notes", f.Provider)
	assert.Equal(t, "notes", f.ServerLabel)
	assert.False(t, f.Retryable)
	assert.Contains(t, f.PublicMessage(), "Notes")
	return f
}

func TestErrorsOfTheStoreBecomeFailures(t *testing.T) {
	t.Parallel()
	const said = "invalid_token: not issued for this server"
	store := func(class error, reason oauthstore.Reason) error {
		return &oauthstore.Error{Op: "token", Key: oauthstore.Key{Owner: ada, Provider: "notes"}, Reason: reason, Detail: said, RetryAfter: 40 * time.Second, Err: class}
	}
	for name, tt := range map[string]struct {
		err    error
		kind   mcptools.Kind
		action mcptools.Action
		status int
	}{
		"not connected":            {store(oauthstore.ErrNotFound, ""), mcptools.KindNotConnected, mcptools.ActionConnect, http.StatusConflict},
		"spent":                    {store(oauthstore.ErrReauthorize, oauthstore.ReasonInvalidGrant), mcptools.KindReauthorize, mcptools.ActionReconnect, http.StatusConflict},
		"refused for its audience": {store(oauthstore.ErrRefused, oauthstore.ReasonAudience), mcptools.KindWrongAudience, mcptools.ActionReconnect, http.StatusConflict},
		"refused for its scope":    {store(oauthstore.ErrRefused, oauthstore.ReasonScope), mcptools.KindForbidden, mcptools.ActionStepUp, http.StatusConflict},
		"spent for its scope":      {store(oauthstore.ErrReauthorize, oauthstore.ReasonScope), mcptools.KindForbidden, mcptools.ActionStepUp, http.StatusConflict},
		"unavailable":              {store(oauthstore.ErrUnavailable, oauthstore.ReasonRefreshFailing), mcptools.KindUnavailable, mcptools.ActionWait, http.StatusServiceUnavailable},
		"misconfigured":            {store(oauthstore.ErrMisconfigured, ""), mcptools.KindMisconfigured, mcptools.ActionFixConfig, http.StatusInternalServerError},
		"a foreign token type":     {store(oauthstore.ErrMisconfigured, oauthstore.ReasonTokenType), mcptools.KindUnsupported, mcptools.ActionFixConfig, http.StatusInternalServerError},
		"no sealing key":           {store(oauthstore.ErrMisconfigured, oauthstore.ReasonKeyUnavailable), mcptools.KindMisconfigured, mcptools.ActionFixConfig, http.StatusInternalServerError},
		"the caller canceled":      {fmt.Errorf("wrapped: %w", context.Canceled), mcptools.KindUnavailable, mcptools.ActionWait, http.StatusServiceUnavailable},
		"an unknown error":         {errors.New("disk on fire"), mcptools.KindUnknown, mcptools.ActionNone, http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := mcptools.NewBuilder(notes(), failsWith(tt.err), nil)
			require.NoError(t, err)
			f := asFailure(t, b)
			assert.Equal(t, tt.kind, f.Kind)
			assert.Equal(t, tt.action, f.Action)
			assert.Equal(t, tt.status, f.HTTPStatus())
			require.ErrorIs(t, f, tt.err)
			assert.NotContains(t, f.Error(), "invalid_token", "text of the server's stands in Error")
			assert.NotContains(t, f.PublicMessage(), "invalid_token")
			if _, ok := errors.AsType[*oauthstore.Error](tt.err); ok {
				assert.Equal(t, said, f.Upstream())
				assert.Equal(t, 40*time.Second, f.RetryAfter)
			}
		})
	}
}

func TestTokensForAnotherServerAreRefusedWithoutARequest(t *testing.T) {
	t.Parallel()
	pinned := notes()
	pinned.OAuth = providers.OAuth{
		Issuer: "https://auth.notes.example", AuthorizationEndpoint: "https://auth.notes.example/authorize",
		TokenEndpoint: "https://auth.notes.example/token", Pinned: true,
		Resource: "https://mcp.notes.example", Resources: []string{"https://mcp.notes.example/v1"},
	}
	token := func(change func(*oauthstore.Token)) oauthstore.Token {
		tok := notesToken()
		tok.Provenance = oauthstore.Provenance{Obtained: oauthstore.ObtainedConsent, Issuer: pinned.OAuth.Issuer, Resource: notesURL}
		change(&tok)
		return tok
	}
	for name, tt := range map[string]struct {
		change func(*oauthstore.Token)
		want   mcptools.Kind // "" for a token that passes
	}{
		"for this server":              {func(*oauthstore.Token) {}, ""},
		"for a documented resource":    {func(t *oauthstore.Token) { t.Provenance.Resource = "https://mcp.notes.example" }, ""},
		"for the other resource":       {func(t *oauthstore.Token) { t.Provenance.Resource = "https://mcp.notes.example/v1" }, ""},
		"for no resource":              {func(t *oauthstore.Token) { t.Provenance.Resource = "" }, ""},
		"for another resource":         {func(t *oauthstore.Token) { t.Provenance.Resource = "https://api.notes.example" }, mcptools.KindWrongAudience},
		"for a slash more":             {func(t *oauthstore.Token) { t.Provenance.Resource = notesURL + "/" }, mcptools.KindWrongAudience},
		"from another issuer":          {func(t *oauthstore.Token) { t.Provenance.Issuer = "https://evil.example" }, mcptools.KindWrongAudience},
		"from the issuer with a slash": {func(t *oauthstore.Token) { t.Provenance.Issuer += "/" }, ""},
		"of a way that there is":       {func(t *oauthstore.Token) { t.Provenance.Way = "api_key" }, ""},
		"of a way that there is not":   {func(t *oauthstore.Token) { t.Provenance.Way = "smoke" }, mcptools.KindWrongTokenKind},
		"of another type":              {func(t *oauthstore.Token) { t.TokenType = "DPoP" }, mcptools.KindWrongTokenKind},
		"of the type in lower case":    {func(t *oauthstore.Token) { t.TokenType = "bearer" }, ""},
		"empty":                        {func(t *oauthstore.Token) { t.AccessToken = oauthstore.Secret{} }, mcptools.KindWrongTokenKind},
		"with a line break":            {func(t *oauthstore.Token) { t.AccessToken = oauthstore.NewSecret(notesText + "\n") }, mcptools.KindWrongTokenKind},
		"a placeholder":                {func(t *oauthstore.Token) { t.AccessToken = oauthstore.NewSecret("${NOTES_TOKEN}") }, mcptools.KindWrongTokenKind},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := mcptools.NewBuilder(pinned, has(token(tt.change)), unprobed(mcptools.Options{}))
			require.NoError(t, err)
			if tt.want == "" {
				tool, err := b.Build(t.Context(), ada, nil)
				require.NoError(t, err)
				requireValid(t, tool)
				return
			}
			assert.Equal(t, tt.want, asFailure(t, b).Kind)
		})
	}
}

// An expired token is not sent to OpenAI, even if the store serves it.
func TestAnExpiredTokenIsNotSent(t *testing.T) {
	t.Parallel()
	b, err := mcptools.NewBuilder(notes(), careless{}, unprobed(mcptools.Options{}))
	require.NoError(t, err)
	assert.Equal(t, mcptools.KindUnavailable, asFailure(t, b).Kind)
}

type careless struct{}

func (careless) Token(context.Context, oauthstore.Key, oauthstore.Need) (oauthstore.Token, error) {
	t := notesToken()
	t.Expiry = time.Now().Add(-time.Second)
	return t, nil
}

func (careless) Reject(context.Context, oauthstore.Key, uint64, oauthstore.Verdict) error { return nil }

func TestCredentialInTheURLIsRefused(t *testing.T) {
	t.Parallel()
	p := providers.Custom("notes", "https://mcp.notes.example/u/"+notesText+"/mcp", &providers.CustomOptions{Name: "Notes"})
	b, err := mcptools.NewBuilder(p, has(notesToken()), unprobed(mcptools.Options{}))
	require.NoError(t, err)
	f := asFailure(t, b)
	assert.Equal(t, mcptools.KindMisconfigured, f.Kind)
	assert.NotContains(t, f.Error(), notesText)
}

func TestMissingSecretIsNamed(t *testing.T) {
	t.Parallel()
	p := notes()
	p.Ways = []providers.Way{{ID: "keys", Kind: providers.WayKey, Name: "API key", Carry: []providers.Carry{
		{Header: "X-Key"}, {Header: "X-Application-Key", Secret: "application_key"},
	}}}
	b, err := mcptools.NewBuilder(p, has(notesToken()), unprobed(mcptools.Options{}))
	require.NoError(t, err)
	f := asFailure(t, b)
	assert.Equal(t, mcptools.KindWrongTokenKind, f.Kind)
	assert.Contains(t, f.Error(), "application_key")

	_, err = mcptools.NewBuilder(p, has(notesToken()), &mcptools.Options{Headers: map[string]string{"x-application-key": "1"}})
	assert.ErrorContains(t, err, "the credential travels in it")
}

func TestAFailureIsOneJSONObject(t *testing.T) {
	t.Parallel()
	b, err := mcptools.NewBuilder(notes(), failsWith(oauthstore.ErrNotFound), nil)
	require.NoError(t, err)
	raw, err := json.Marshal(asFailure(t, b))
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind":"not_connected","stage":"build","server_label":"notes","server_url":null,"tool_index":null,"tool_name":null,
		"upstream_status":null,"rpc_code":null,"action":"connect","consent_url":null,"retryable":false}`, string(raw))
}

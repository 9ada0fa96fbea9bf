package oauth_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
)

const documentURL = "https://app.example/oauth/client.json"

func TestClientDocumentHasItsURL(t *testing.T) {
	t.Parallel()
	body, err := oauth.ClientDocument(documentURL, webClient(), false)
	require.NoError(t, err)
	assert.JSONEq(t, `{"client_id":"https://app.example/oauth/client.json","client_name":"App","redirect_uris":["https://app.example/callback"],
		"application_type":"web","token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"]}`, string(body))
	require.NoError(t, oauth.ValidateDocument(documentURL, body, false))

	m := webClient()
	m.AuthMethod, m.JWKS = oauth.AuthPrivateKeyJWT, json.RawMessage(`{"keys":[]}`)
	_, err = oauth.ClientDocument(documentURL, m, false)
	require.NoError(t, err)
}

func TestInvalidClientDocumentsAreRejected(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*oauth.ClientMetadata){
		"a secret":        func(m *oauth.ClientMetadata) { m.AuthMethod = oauth.AuthBasic },
		"no name":         func(m *oauth.ClientMetadata) { m.Name = "" },
		"no redirect URI": func(m *oauth.ClientMetadata) { m.RedirectURIs = nil },
		"no method":       func(m *oauth.ClientMetadata) { m.AuthMethod = "" },
		"too large":       func(m *oauth.ClientMetadata) { m.Name = strings.Repeat("x", 6000) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := webClient()
			change(&m)
			_, err := oauth.ClientDocument(documentURL, m, false)
			require.Error(t, err)
		})
	}
}

func TestOnlySomeURLsCanBeAClientID(t *testing.T) {
	t.Parallel()
	for raw, ok := range map[string]bool{
		documentURL:                          true,
		"https://app.example:8443/c":         true,
		"https://app.example":                false,
		"https://app.example/":               false,
		"http://app.example/c":               false,
		"http://127.0.0.1/c":                 false,
		"https://u@app.example/c":            false,
		"https://app.example/c#":             false,
		"https://app.example/c?v=1":          false,
		"https://app.example/a/../c":         false,
		"https://app.example/a/%2e%2E/c":     false,
		"https://app.example/./c":            false,
		"app.example/c":                      false,
		"https:///c":                         false,
		"":                                   false,
		"https://app.example/" + longPath():  false,
		"https://app.example/..c":            true,
		"javascript://app.example/c%0aalert": false,
	} {
		assert.Equal(t, ok, oauth.CheckDocumentURL(raw, false) == nil, raw)
	}
	for raw, ok := range map[string]bool{
		"http://127.0.0.1:8080/c": true, "http://localhost/c": true, "https://app.example/c": true,
		"http://app.example/c": false, "http://127.0.0.1/": false,
	} {
		assert.Equal(t, ok, oauth.CheckDocumentURL(raw, true) == nil, raw)
	}
}

func longPath() string { return strings.Repeat("x", 3000) }

func TestClientDocumentIsValidatedLikeAServerDoes(t *testing.T) {
	t.Parallel()
	good := `{"client_id":"` + documentURL + `","client_name":"App","redirect_uris":["` + redirectURI + `"],"token_endpoint_auth_method":"none"}`
	require.NoError(t, oauth.ValidateDocument(documentURL, []byte(good), false))
	for name, body := range map[string]string{
		"another client id":     strings.Replace(good, documentURL, documentURL+"/", 1),
		"a secret":              strings.Replace(good, `{`, `{"client_secret":"s",`, 1),
		"a secret's expiry":     strings.Replace(good, `{`, `{"client_secret_expires_at":0,`, 1),
		"a secret's method":     strings.Replace(good, `"none"`, `"client_secret_post"`, 1),
		"no method":             strings.Replace(good, `,"token_endpoint_auth_method":"none"`, ``, 1),
		"a key method, no key":  strings.Replace(good, `"none"`, `"private_key_jwt"`, 1),
		"no name":               strings.Replace(good, `"App"`, `""`, 1),
		"no redirect URI":       strings.Replace(good, `["`+redirectURI+`"]`, `[]`, 1),
		"a bad redirect URI":    strings.Replace(good, redirectURI, `javascript:alert(1)`, 1),
		"redirect URI as text":  strings.Replace(good, `["`+redirectURI+`"]`, `"`+redirectURI+`"`, 1),
		"a page":                htmlPage,
		"too large for servers": good + strings.Repeat(" ", 6000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Error(t, oauth.ValidateDocument(documentURL, []byte(body), false))
		})
	}
	require.Error(t, oauth.ValidateDocument("http://app.example/c", []byte(good), false))
}

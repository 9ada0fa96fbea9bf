package connect_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/replay"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// testData is the data of a vendor whose authorization server is that of a place.
func testData() providers.OAuth {
	return providers.OAuth{
		Issuer: testIssuer, AuthorizationEndpoint: testIssuer + "/authorize", TokenEndpoint: testIssuer + "/token",
		RegistrationEndpoint: testIssuer + "/register", RevocationEndpoint: testIssuer + "/revoke",
	}
}

func vendor(o providers.OAuth, r providers.Registration) providers.Provider {
	return providers.Custom("example", testServer, &providers.CustomOptions{OAuth: o, Ways: []providers.Way{{
		ID: "oauth", Kind: providers.WayOAuth, Name: "OAuth", Obtain: "Apply at https://vendor.example.", Registration: r,
	}}})
}

// withoutMetadata is an authorization server that publishes none.
func withoutMetadata(p *place) {
	p.Net["as.example.com"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path != "/authorize" {
			http.NotFound(w, r)
			return
		}
		p.AS.ServeHTTP(w, r)
	})
}

func TestDataHasTheEndpointsOfVendorsWithoutMetadata(t *testing.T) {
	t.Parallel()
	p := newPlace(t, withoutMetadata)
	consent, err := p.Begin(t.Context(), vendor(testData(), providers.RegistrationOpen), alice, nil)
	require.NoError(t, err)
	assert.Equal(t, testServer, consent.Resource, "the resource's metadata counts")
	_, err = p.Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
	require.NoError(t, err)

	// Without endpoints in the data, or for another issuer than the one listed.
	_, err = p.Begin(t.Context(), vendor(providers.OAuth{Issuer: testIssuer}, providers.RegistrationOpen), bob, nil)
	assert.Equal(t, connect.KindUntrusted, connect.KindOf(err))
	p.MCP.Metadata["authorization_servers"] = []string{"https://other.example.com"}
	_, err = p.Begin(t.Context(), vendor(testData(), providers.RegistrationOpen), bob, nil)
	assert.Equal(t, connect.KindUntrusted, connect.KindOf(err))
}

func TestDataHasTheRevocationEndpointThatMetadataLacks(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]providers.OAuth{"in the data": testData(), "nowhere": {Issuer: testIssuer}} {
		p := newPlace(t, func(p *place) { p.AS.Metadata["revocation_endpoint"] = nil })
		consent, err := p.Begin(t.Context(), vendor(o, providers.RegistrationOpen), alice, nil)
		require.NoError(t, err)
		got, err := p.Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
		require.NoError(t, err)
		assert.Equal(t, o.RevocationEndpoint, got.Status.Provenance.RevocationEndpoint, name)
		d, err := p.Store.Disconnect(t.Context(), keyOf(alice))
		require.NoError(t, err)
		assert.Equal(t, o.RevocationEndpoint != "", d.Revoked != nil && *d.Revoked, name)
	}
}

func TestIssuerOfACustomerMustBeNamed(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"microsoft_enterprise", "connector_outlookemail"} {
		all := replay.Servers()
		s := all[slices.IndexFunc(all, func(s *replay.Server) bool { return s.ID == id })]
		recite(t, s, connect.Options{}, func(r *recital) {
			_, err := r.Issuer(t.Context(), r.provider, alice, r.ask())
			var failed *connect.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, connect.KindMisconfigured, failed.Kind)
			assert.Equal(t, connect.RemedyIssuer, failed.Remedy)
			assert.Contains(t, failed.Detail, "https://login.microsoftonline.com/{tenant_id}/v2.0")
		})
	}
}

func TestAdmissionIsKnownBeforeAnyRequest(t *testing.T) {
	t.Parallel()
	for registration, refused := range map[providers.Registration]bool{
		providers.RegistrationUnknown: false, providers.RegistrationOpen: false, providers.RegistrationRestricted: false,
		providers.RegistrationManual: true, providers.RegistrationPaused: true,
	} {
		t.Run(string(registration), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			by := vendor(testData(), registration)
			consent, err := p.Begin(t.Context(), by, alice, nil)
			if refused {
				var failed *connect.Error
				require.ErrorAs(t, err, &failed)
				assert.Equal(t, connect.KindNoClient, failed.Kind)
				assert.Equal(t, "Apply at https://vendor.example.", failed.Obtain)
				assert.Empty(t, p.MCP.Seen())
				assert.Equal(t, failed.Kind, connect.KindOf(p.Check(t.Context(), by, alice, nil)))
			} else {
				require.NoError(t, err)
				assert.Equal(t, registration == providers.RegistrationRestricted, consent.Notice != "")
			}

			// With an application of the operator nothing stands in the way.
			q := newPlace(t, func(p *place) {
				p.Options.Apps = connect.Apps{{Issuer: testIssuer, Servers: []string{testServer}, ID: "app", Secret: oauthstore.NewSecret("synthetic")}}
			})
			consent, err = q.Begin(t.Context(), by, alice, nil)
			require.NoError(t, err)
			assert.Empty(t, consent.Notice)
		})
	}
}

func TestImportedScopesAreRepeatedWhereNoneAreKnown(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	o := testData()
	o.RefreshScopes = true
	got, err := p.Import(t.Context(), vendor(o, providers.RegistrationOpen), alice, connect.Token{
		AccessToken: oauthstore.NewSecret("synthetic-access"), RefreshToken: oauthstore.NewSecret("synthetic-refresh"), ClientID: "client",
		Scopes: []string{"write", "read"},
	}, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"read", "write"}, got.Status.Provenance.ScopesAsked)
}

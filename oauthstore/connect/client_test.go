package connect_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/providers"
)

func TestClientsAreChosenInOrder(t *testing.T) {
	t.Parallel()
	const document = "https://app.example.com/client.json"
	app := connect.App{Issuer: testIssuer, Servers: []string{testServer}, ID: "by-hand", Secret: oauthstore.NewSecret("synthetic-app-secret")}
	for name, tt := range map[string]struct {
		apps   connect.Apps
		server map[string]any
		want   oauthstore.ClientKind
		id     string
		kind   connect.Kind
	}{
		"the application that was registered by hand": {apps: connect.Apps{app}, server: map[string]any{"client_id_metadata_document_supported": true}, want: oauthstore.ClientApplication, id: "by-hand"},
		"the metadata document":                       {server: map[string]any{"client_id_metadata_document_supported": true}, want: oauthstore.ClientDocument, id: document},
		"a registration where documents are not read": {want: oauthstore.ClientRegistered, id: "client-1"},
		"a registration where public clients are not taken": {
			server: map[string]any{"client_id_metadata_document_supported": true, "token_endpoint_auth_methods_supported": []string{"client_secret_basic"}},
			want:   oauthstore.ClientRegistered, id: "client-1",
		},
		"no registration":          {server: map[string]any{"registration_endpoint": nil}, kind: connect.KindNoClient},
		"only certificates":        {server: map[string]any{"token_endpoint_auth_methods_supported": []string{"tls_client_auth"}}, kind: connect.KindUnsupported},
		"an app of another issuer": {apps: connect.Apps{{Issuer: "https://other.example.com", Servers: []string{testServer}, ID: "x"}}, kind: connect.KindUntrusted},
		"an app of another server": {
			apps: connect.Apps{{Issuer: "https://other.example.com", Servers: []string{"https://other.example.com/mcp"}, ID: "x"}}, want: oauthstore.ClientRegistered, id: "client-1",
		},
		"an app of another server at the same issuer": {
			apps: connect.Apps{{Issuer: testIssuer, Servers: []string{"https://other.example.com/mcp"}, ID: "x"}}, kind: connect.KindUntrusted,
			server: map[string]any{
				"authorization_endpoint": "https://login.example.org/a", "token_endpoint": "https://login.example.org/t", "registration_endpoint": "https://login.example.org/r",
			},
		},
		"an app of another tenant": {
			apps: connect.Apps{{Issuer: testIssuer, Servers: []string{testServer}, Owner: oauthstore.Owner{Tenant: "other"}, ID: "x"}}, want: oauthstore.ClientRegistered, id: "client-1",
		},
		"a customer's own app before everybody's": {
			apps: connect.Apps{app, {Issuer: testIssuer, Servers: []string{testServer}, Owner: oauthstore.Owner{Tenant: "acme"}, ID: "acme's"}}, want: oauthstore.ClientApplication, id: "acme's",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, func(p *place) {
				p.Options.Apps, p.Options.ClientMetadataURL = tt.apps, document
				p.AS.Metadata = tt.server
				if tt.id == document {
					p.AS.Know(asClient{ID: document, Method: "none"})
				}
			})
			consent, err := p.Begin(t.Context(), example(), alice, nil)
			if tt.kind != "" {
				assert.Equal(t, tt.kind, connect.KindOf(err))
				assert.Zero(t, p.AS.Count("POST /register"))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, consent.Client)
			assert.Equal(t, tt.id, consent.ClientID)
			if tt.want == oauthstore.ClientDocument {
				_, err = p.Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
				require.NoError(t, err)
				assert.Empty(t, p.AS.basics, "a public client sends no Basic header")
			}
		})
	}
}

func TestWhereRegistrationIsForPeopleTheProvidersSentenceSaysSo(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	_, err := p.Begin(t.Context(), providers.Asana(), alice, nil)
	e := faultOf(t, err)
	assert.Equal(t, connect.KindNoClient, e.Kind)
	assert.Contains(t, e.Obtain, "https://app.asana.com/0/my-apps")
}

func TestARegistrationThatIsRefusedIsNotARetry(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		p.AS.Register = func(w http.ResponseWriter, _ *http.Request) bool {
			writeJSON(w, http.StatusForbidden, map[string]any{"error": "access_denied", "error_description": "redirect URI is not on the list"})
			return true
		}
	})
	_, err := p.Begin(t.Context(), example(), alice, nil)
	e := faultOf(t, err)
	assert.Equal(t, connect.KindNoClient, e.Kind)
	assert.Equal(t, "redirect URI is not on the list", e.Said)
	assert.NotEmpty(t, e.Obtain)
	assert.NotContains(t, err.Error(), "on the list")
	assert.Equal(t, 1, p.AS.Count("POST /register"))
}

func TestASecretOfARegistrationIsInNoErrorAndNoClearRecord(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		p.AS.Register = func(w http.ResponseWriter, _ *http.Request) bool {
			writeJSON(w, http.StatusCreated, map[string]any{"client_secret": "synthetic-canary", "token_endpoint_auth_method": "secret_handshake", "client_id": "x"})
			return true
		}
	})
	_, err := p.Begin(t.Context(), example(), alice, nil)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "canary")
}

func TestFirstConnectsAtOnceRegisterOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, func(p *place) {
			p.AS.Register = func(http.ResponseWriter, *http.Request) bool {
				pass(200 * time.Millisecond) // a real server takes its time
				return false
			}
		})
		connectors := []*connect.Connector{p.Connector, p.another(t)} // two processes
		ids := make(chan string)
		for i := range 10 {
			go func() {
				consent, err := connectors[i%2].Begin(t.Context(), example(), alice, nil)
				if assert.NoError(t, err) {
					ids <- consent.ClientID
				}
			}()
		}
		for range 10 {
			assert.Equal(t, "client-1", <-ids)
		}
		assert.Equal(t, 1, p.AS.Count("POST /register"))
	})
}

func TestACallerThatGoesAwayDoesNotFailTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, func(p *place) {
			p.AS.Register = func(http.ResponseWriter, *http.Request) bool { pass(time.Second); return false }
		})
		impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		done := make(chan error)
		go func() { _, err := p.Begin(impatient, example(), alice, nil); done <- err }()
		synctest.Wait()
		_, err := p.Begin(t.Context(), example(), bob, nil)
		require.NoError(t, err)
		<-done
		assert.Equal(t, 1, p.AS.Count("POST /register"))
	})
}

func TestAClaimOfAProcessThatDiedEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, func(p *place) {
			p.AS.Register = func(http.ResponseWriter, *http.Request) bool { pass(time.Hour); return false }
		})
		ctx, die := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _, _ = p.Begin(ctx, example(), alice, nil) }()
		synctest.Wait()
		die()
		p.AS.Register = nil
		_, err := p.another(t).Begin(t.Context(), example(), bob, nil)
		require.Error(t, err, "the claim stands, and the one who waits has a limit")
		_, err = p.another(t).Begin(t.Context(), example(), bob, nil)
		require.NoError(t, err)
		<-done
	})
}

func TestARegistrationIsReusedAndAskedForByItsTerms(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	for _, owner := range []oauthstore.Owner{alice, bob} {
		_, err := p.consent(t, owner, nil)
		require.NoError(t, err)
	}
	assert.Equal(t, 1, p.AS.Count("POST /register"))
	_, err := p.consent(t, alice, &connect.Ask{Scopes: []string{"write"}})
	require.NoError(t, err)
	all := p.AS.Registrations()
	require.Len(t, all, 2, "other scopes are another registration")
	assert.Equal(t, "web", all[0]["application_type"])
	assert.Equal(t, "none", all[0]["token_endpoint_auth_method"])
	assert.Equal(t, []any{"authorization_code", "refresh_token"}, all[0]["grant_types"])
	assert.Equal(t, "app.example.com", all[0]["client_name"])
	assert.Equal(t, "write", all[1]["scope"])
}

func TestAClientThatTheServerForgotIsReplaced(t *testing.T) {
	t.Parallel()
	t.Run("before the user is sent there, where it was not seen for an hour", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPlace(t, nil)
			_, err := p.consent(t, alice, nil)
			require.NoError(t, err)
			p.AS.Forget()
			pass(61 * time.Minute)
			consent, err := p.Begin(t.Context(), example(), bob, nil)
			require.NoError(t, err)
			assert.NotEqual(t, "client-1", consent.ClientID)
			_, err = p.Finish(t.Context(), bob, consent.Binding, p.browse(t, consent.URL))
			require.NoError(t, err)
			st, err := p.Store.Status(t.Context(), keyOf(alice))
			require.NoError(t, err)
			assert.Equal(t, "client-1", st.Provenance.ClientID, "the old credential stays with the old client")
		})
	})
	t.Run("and is not replaced while the server knows it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPlace(t, nil)
			_, err := p.consent(t, alice, nil)
			require.NoError(t, err)
			pass(61 * time.Minute)
			for range 2 {
				consent, err := p.Begin(t.Context(), example(), bob, nil)
				require.NoError(t, err)
				assert.Equal(t, "client-1", consent.ClientID)
			}
			assert.Equal(t, 2, p.AS.Count("POST /token"), "one exchange, one question")
		})
	})
	t.Run("after the exchange, in the same browser", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, nil)
		consent, err := p.Begin(t.Context(), example(), alice, &connect.Ask{ReturnTo: "/settings"})
		require.NoError(t, err)
		back := p.browse(t, consent.URL)
		p.AS.Forget()
		_, err = p.Finish(t.Context(), alice, consent.Binding, back)
		e := faultOf(t, err)
		require.Equal(t, connect.KindClientReplaced, e.Kind)
		got, err := p.Finish(t.Context(), alice, consent.Binding, p.browse(t, e.Next.URL))
		require.NoError(t, err)
		assert.Equal(t, "/settings", got.ReturnTo)
		assert.Equal(t, e.Next.ClientID, got.Status.Provenance.ClientID)
		assert.Equal(t, 2, p.AS.Count("POST /register"))
	})
	t.Run("but not for ever", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, nil)
		consent, err := p.Begin(t.Context(), example(), alice, nil)
		require.NoError(t, err)
		back := p.browse(t, consent.URL)
		p.AS.Forget()
		_, err = p.Finish(t.Context(), alice, consent.Binding, back)
		back = p.browse(t, faultOf(t, err).Next.URL)
		p.AS.Forget()
		_, err = p.Finish(t.Context(), alice, consent.Binding, back)
		assert.Equal(t, connect.KindMisconfigured, connect.KindOf(err))
	})
	t.Run("an application that was registered by hand never is", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, func(p *place) {
			p.Options.Apps = connect.Apps{{Issuer: testIssuer, Servers: []string{testServer}, ID: "by-hand", Secret: oauthstore.NewSecret("synthetic-wrong")}}
			p.AS.Know(asClient{ID: "by-hand", Secret: "synthetic-right", Method: "client_secret_basic"})
		})
		_, err := p.consent(t, alice, nil)
		assert.Equal(t, connect.KindMisconfigured, connect.KindOf(err))
		assert.Zero(t, p.AS.Count("POST /register"))
	})
}

func TestASecretThatEndsIsRenewed(t *testing.T) {
	t.Parallel()
	confidential := func(p *place) {
		p.AS.SecretLife = 30 * 24 * time.Hour
		p.AS.Metadata = map[string]any{"token_endpoint_auth_methods_supported": []string{"client_secret_basic"}}
	}
	refreshes := func(t *testing.T, p *place) {
		t.Helper()
		_, err := p.Store.Refresh(t.Context(), keyOf(alice), 1)
		require.NoError(t, err, "a refresh finds the new secret")
	}
	t.Run("by the next user who connects", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPlace(t, confidential)
			_, err := p.consent(t, alice, nil)
			require.NoError(t, err)
			pass(29*24*time.Hour + time.Minute)
			consent, err := p.Begin(t.Context(), example(), bob, nil)
			require.NoError(t, err)
			assert.Equal(t, "client-1", consent.ClientID)
			assert.Equal(t, 1, p.AS.Count("PUT /clients/client-1"))
			_, err = p.Finish(t.Context(), bob, consent.Binding, p.browse(t, consent.URL))
			require.NoError(t, err)
			refreshes(t, p)
		})
	})
	t.Run("by a daily run, and no earlier than needed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPlace(t, confidential)
			_, err := p.consent(t, alice, nil)
			require.NoError(t, err)
			pass(28 * 24 * time.Hour)
			n, err := p.RenewClients(t.Context())
			require.NoError(t, err)
			assert.Zero(t, n)
			pass(25 * time.Hour)
			n, err = p.RenewClients(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 1, n)
			refreshes(t, p)
			n, err = p.RenewClients(t.Context())
			require.NoError(t, err)
			assert.Zero(t, n)
		})
	})
	t.Run("or a new client takes its place where the server renews nothing", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPlace(t, confidential)
			_, err := p.consent(t, alice, nil)
			require.NoError(t, err)
			pass(30*24*time.Hour - time.Minute)
			p.AS.Forget()
			consent, err := p.Begin(t.Context(), example(), bob, nil)
			require.NoError(t, err)
			assert.NotEqual(t, "client-1", consent.ClientID)
		})
	})
}

func TestTheMethodThatWasRegisteredIsTheOneThatIsUsed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		methods any
		want    string
	}{
		"public where that is taken":         {[]string{"client_secret_post", "none"}, "none"},
		"basic where secrets are wanted":     {[]string{"client_secret_post", "client_secret_basic"}, "client_secret_basic"},
		"post where nothing else is":         {[]string{"client_secret_post"}, "client_secret_post"},
		"basic where the server says naught": {nil, "client_secret_basic"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, func(p *place) { p.AS.Metadata["token_endpoint_auth_methods_supported"] = tt.methods })
			got, err := p.consent(t, alice, nil)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got.Status.Provenance.AuthMethod)
			_, err = p.Store.Refresh(t.Context(), keyOf(alice), 1)
			require.NoError(t, err, "also by a refresh")
		})
	}
}

func TestASecretForAPublicClientIsNotUsed(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		p.AS.Register = func(w http.ResponseWriter, r *http.Request) bool {
			p.AS.Know(asClient{ID: "public", Method: "none"})
			writeJSON(w, http.StatusCreated, map[string]any{"client_id": "public", "client_secret": "synthetic-unwanted", "token_endpoint_auth_method": "none"})
			return true
		}
	})
	_, err := p.consent(t, alice, nil)
	require.NoError(t, err)
	assert.False(t, p.AS.Forms()[0].Has("client_secret"))
}

func TestAnAppsSecretIsKeptWhereTheOperatorWantsThat(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		p.Options.Apps = connect.Apps{{
			Issuer: testIssuer, Servers: []string{testServer}, ID: "by-hand", Secret: oauthstore.NewSecret("synthetic-app-secret"), Keep: true,
		}}
		p.AS.Know(asClient{ID: "by-hand", Secret: "synthetic-app-secret", Method: "client_secret_basic"})
	})
	_, err := p.consent(t, alice, nil)
	require.NoError(t, err)
	p.Options.Apps = nil // a process that knows nothing of it
	_, err = p.openStore(t).Refresh(t.Context(), keyOf(alice), 1)
	require.NoError(t, err)
}

// Records that no key opens any more are replaced: no other process can use them.
func TestAfterTheLossOfTheKeysUsersConnectAgain(t *testing.T) {
	t.Parallel()
	for name, apps := range map[string]connect.Apps{
		"with a registered client": nil,
		"with a saved client": {{
			Issuer: testIssuer, Servers: []string{testServer}, ID: "by-hand", Secret: oauthstore.NewSecret("synthetic-app-secret"), Keep: true,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, func(p *place) {
				p.Options.Apps = apps
				p.AS.Know(asClient{ID: "by-hand", Secret: "synthetic-app-secret", Method: "client_secret_basic"})
			})
			_, err := p.consent(t, alice, nil)
			require.NoError(t, err)
			p.keys, err = keyset.New()
			require.NoError(t, err)
			p.Store = p.openStore(t)
			p.Connector, err = connect.New(p.Store, &p.Options)
			require.NoError(t, err)
			for _, owner := range []oauthstore.Owner{alice, bob} {
				_, err := p.consent(t, owner, nil)
				require.NoError(t, err)
				_, err = p.Store.Refresh(t.Context(), keyOf(owner), 1)
				require.NoError(t, err)
			}
			if apps == nil {
				assert.Equal(t, 2, p.AS.Count("POST /register"), "once with each keyset")
			}
		})
	}
}

func TestTheDocumentNamesItselfAndTheRedirect(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) { p.Options.ClientMetadataURL = "https://app.example.com/client.json" })
	w := httptest.NewRecorder()
	p.ClientMetadata().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/client.json", nil))
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	assert.JSONEq(t, `{
		"client_id": "https://app.example.com/client.json", "client_name": "app.example.com",
		"redirect_uris": ["https://app.example.com/callback"], "token_endpoint_auth_method": "none",
		"grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "application_type": "web"
	}`, w.Body.String())
}

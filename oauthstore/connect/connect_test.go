package connect_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

func TestAConsentEndsWithAStoredCredential(t *testing.T) {
	t.Parallel()
	var verified oauthstore.Token
	p := newPlace(t, func(p *place) {
		p.MCP.Metadata["scopes_supported"] = []string{"write", "read"}
		p.Options.Verify = func(_ context.Context, key oauthstore.Key, token oauthstore.Token) oauthstore.Verdict {
			verified = token
			return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
		}
	})
	consent, err := p.Begin(t.Context(), example(), alice, &connect.Ask{ReturnTo: "/settings"})
	require.NoError(t, err)
	assert.Equal(t, testIssuer, consent.Issuer)
	assert.Equal(t, testServer, consent.Resource)
	assert.Equal(t, []string{"read", "write"}, consent.Scopes)
	assert.Equal(t, oauthstore.ClientRegistered, consent.Client)
	assert.NotContains(t, consent.URL, consent.Binding.Expose())

	got, err := p.Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
	require.NoError(t, err)
	assert.Equal(t, "/settings", got.ReturnTo)
	assert.Equal(t, oauthstore.OutcomeAccepted, got.Status.Verdict.Outcome)
	assert.Equal(t, oauthstore.Provenance{
		Obtained: oauthstore.ObtainedConsent, Way: "oauth", Issuer: testIssuer, Resource: testServer, TokenEndpoint: testIssuer + "/token",
		RevocationEndpoint: testIssuer + "/revoke", ClientID: consent.ClientID, Client: oauthstore.ClientRegistered, AuthMethod: "none",
		ScopesAsked: []string{"read", "write"}, ScopesGranted: []string{"read", "write"},
	}, got.Status.Provenance)

	token, err := p.Store.Token(t.Context(), keyOf(alice), oauthstore.Need{})
	require.NoError(t, err)
	assert.Equal(t, verified.AccessToken.Expose(), token.AccessToken.Expose())
	assert.Equal(t, []string{"POST /mcp", "GET /.well-known/oauth-protected-resource/mcp"}, p.MCP.Seen())
}

func TestResourceAndVerifierAreInBothRequests(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	_, err := p.consent(t, alice, nil)
	require.NoError(t, err)
	_, err = p.consent(t, alice, nil)
	require.NoError(t, err)
	asked, forms := p.AS.Asked(), p.AS.Forms()
	for i := range asked {
		assert.Equal(t, testServer, asked[i].Get("resource"))
		assert.Equal(t, testServer, forms[i].Get("resource"))
		assert.Equal(t, "S256", asked[i].Get("code_challenge_method"))
	}
	assert.NotEqual(t, forms[0].Get("code_verifier"), forms[1].Get("code_verifier"), "a verifier is for one attempt")
	assert.NotEqual(t, asked[0].Get("state"), asked[1].Get("state"))
	assert.GreaterOrEqual(t, len(asked[0].Get("state")), 43, "256 bits")
}

func TestAnotherProcessFinishesAConsent(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	consent, err := p.Begin(t.Context(), example(), alice, nil)
	require.NoError(t, err)
	got, err := p.another(t).Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
	require.NoError(t, err)
	assert.Equal(t, oauthstore.StateActive, got.Status.State)
}

func TestTheFourRefusalsOfACallback(t *testing.T) {
	t.Parallel()
	t.Run("a state that was used is refused, and nothing is exchanged twice", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, nil)
		consent, err := p.Begin(t.Context(), example(), alice, &connect.Ask{ReturnTo: "/settings"})
		require.NoError(t, err)
		back := p.browse(t, consent.URL)
		first, err := p.Finish(t.Context(), alice, consent.Binding, back)
		require.NoError(t, err)
		again, err := p.Finish(t.Context(), alice, consent.Binding, back)
		assert.Equal(t, connect.KindStateUsed, connect.KindOf(err))
		assert.Equal(t, first.Status.Grant, again.Status.Grant, "it tells what the first one brought")
		assert.Equal(t, "/settings", again.ReturnTo)
		assert.Equal(t, 1, p.AS.Count("POST /token"))
	})
	t.Run("another browser is refused, and the right one still finishes", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, nil)
		consent, err := p.Begin(t.Context(), example(), alice, nil)
		require.NoError(t, err)
		back := p.browse(t, consent.URL)
		for _, binding := range []oauthstore.Secret{{}, oauthstore.NewSecret("another user's")} {
			_, err = p.Finish(t.Context(), alice, binding, back)
			assert.Equal(t, connect.KindWrongBrowser, connect.KindOf(err))
		}
		_, err = p.Finish(t.Context(), alice, consent.Binding, back)
		require.NoError(t, err)
	})
	t.Run("another owner is refused, and the right one still finishes", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, nil)
		consent, err := p.Begin(t.Context(), example(), alice, nil)
		require.NoError(t, err)
		back := p.browse(t, consent.URL)
		_, err = p.Finish(t.Context(), bob, consent.Binding, back)
		assert.Equal(t, connect.KindWrongOwner, connect.KindOf(err))
		_, err = p.Store.Status(t.Context(), keyOf(bob))
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
		_, err = p.Finish(t.Context(), alice, consent.Binding, back)
		require.NoError(t, err)
	})
	t.Run("an expired consent is refused", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPlace(t, nil)
			consent, err := p.Begin(t.Context(), example(), alice, nil)
			require.NoError(t, err)
			back := p.browse(t, consent.URL)
			pass(10 * time.Minute)
			_, err = p.Finish(t.Context(), alice, consent.Binding, back)
			assert.Equal(t, connect.KindExpired, connect.KindOf(err))
			assert.Zero(t, p.AS.Count("POST /token"))
		})
	})
	t.Run("an unknown state is refused", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, nil)
		for _, back := range []string{"", "?code=x", "?code=x&state=made-up", "code=x&state=" + strings.Repeat("a", 4000)} {
			_, err := p.Finish(t.Context(), alice, oauthstore.NewSecret("b"), back)
			assert.Equal(t, connect.KindStateUnknown, connect.KindOf(err), back)
		}
	})
}

func TestOfManyCallbacksAtOnceOneExchanges(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	consent, err := p.Begin(t.Context(), example(), alice, nil)
	require.NoError(t, err)
	back := p.browse(t, consent.URL)
	kinds := make(chan connect.Kind)
	connectors := []*connect.Connector{p.Connector, p.another(t)}
	for i := range 8 {
		go func() {
			_, err := connectors[i%2].Finish(t.Context(), alice, consent.Binding, back)
			kinds <- connect.KindOf(err)
		}()
	}
	count := map[connect.Kind]int{}
	for range 8 {
		count[<-kinds]++
	}
	assert.Equal(t, map[connect.Kind]int{"": 1, connect.KindStateUsed: 7}, count)
	assert.Equal(t, 1, p.AS.Count("POST /token"))
}

func TestARefusedConsentIsReported(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		p.AS.Redirect = func(back url.Values) {
			back.Del("code")
			back.Set("error", "access_denied")
			back.Set("error_description", "Not <today>")
		}
	})
	_, err := p.consent(t, alice, nil)
	e := faultOf(t, err)
	assert.Equal(t, connect.KindDenied, e.Kind)
	assert.Equal(t, "Not <today>", e.Said)
	assert.NotContains(t, err.Error(), "today")
	assert.Zero(t, p.AS.Count("POST /token"))
}

func TestIssIsCheckedOnErrorsToo(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		p.AS.Redirect = func(back url.Values) {
			back.Del("code")
			back.Set("error", "access_denied")
			back.Set("error_description", "call this number")
			back.Set("iss", "https://evil.example.com")
		}
	})
	_, err := p.consent(t, alice, nil)
	e := faultOf(t, err)
	assert.Equal(t, connect.KindUntrusted, e.Kind, "an answer of another server is ignored")
	assert.Empty(t, e.Said, "nor shown")
}

func TestACodeThatWasNotSentMayBeSentAgain(t *testing.T) {
	t.Parallel()
	down := true
	p := newPlace(t, func(p *place) {
		p.AS.Token = func(w http.ResponseWriter, _ *http.Request) bool {
			if down {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(http.StatusTooManyRequests)
			}
			return down
		}
	})
	consent, err := p.Begin(t.Context(), example(), alice, nil)
	require.NoError(t, err)
	back := p.browse(t, consent.URL)
	_, err = p.Finish(t.Context(), alice, consent.Binding, back)
	e := faultOf(t, err)
	assert.Equal(t, connect.KindUnavailable, e.Kind)
	assert.Equal(t, 7*time.Second, e.RetryAfter)
	down = false
	_, err = p.Finish(t.Context(), alice, consent.Binding, back)
	require.NoError(t, err, "the page is loaded again")
}

func TestACodeWhoseAnswerIsLostIsNotSentAgain(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		p.AS.Token = func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
	})
	consent, err := p.Begin(t.Context(), example(), alice, nil)
	require.NoError(t, err)
	back := p.browse(t, consent.URL)
	_, err = p.Finish(t.Context(), alice, consent.Binding, back)
	assert.Equal(t, connect.KindRefused, connect.KindOf(err), "the page can't be loaded again")
	_, err = p.Finish(t.Context(), alice, consent.Binding, back)
	assert.Equal(t, connect.KindStateUsed, connect.KindOf(err))
	assert.Equal(t, 1, p.AS.Count("POST /token"))
}

func TestAReconnectKeepsTheOldCredentialUntilTheNewOneIsStored(t *testing.T) {
	t.Parallel()
	refuse := false
	p := newPlace(t, func(p *place) {
		p.AS.Token = func(w http.ResponseWriter, _ *http.Request) bool {
			if refuse {
				writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
			}
			return refuse
		}
	})
	first, err := p.consent(t, alice, nil)
	require.NoError(t, err)
	refuse = true
	_, err = p.consent(t, alice, nil)
	assert.Equal(t, connect.KindRefused, connect.KindOf(err))
	st, err := p.Store.Status(t.Context(), keyOf(alice))
	require.NoError(t, err)
	assert.Equal(t, first.Status.Grant, st.Grant)
	refuse = false
	second, err := p.consent(t, alice, nil)
	require.NoError(t, err)
	assert.NotEqual(t, first.Status.Grant, second.Status.Grant)
}

// issuesTokensOf makes the authorization server issue JWTs of the subject.
func issuesTokensOf(t *testing.T, subject *string) func(p *place) {
	t.Helper()
	return func(p *place) {
		p.AS.Token = func(w http.ResponseWriter, _ *http.Request) bool {
			writeJSON(w, http.StatusOK, map[string]any{
				"access_token": jwtWith(t, map[string]any{"sub": *subject}).AccessToken.Expose(), "token_type": "Bearer", "expires_in": 3600,
			})
			return true
		}
	}
}

func TestAReconnectAsAnotherUserIsSaid(t *testing.T) {
	t.Parallel()
	subject := "one"
	p := newPlace(t, issuesTokensOf(t, &subject))
	for _, step := range []struct {
		subject string
		says    bool
	}{{"one", false}, {"one", false}, {"two", true}, {"two", false}, {"", false}, {"one", false}} {
		subject = step.subject
		got, err := p.consent(t, alice, nil)
		require.NoError(t, err)
		if step.says {
			assert.Contains(t, got.Warning, "another user of the provider than before")
		} else {
			assert.Empty(t, got.Warning)
		}
	}
}

func TestPageSaysThatAnotherUserSignedIn(t *testing.T) {
	t.Parallel()
	subject := "one"
	p := newPlace(t, issuesTokensOf(t, &subject))
	b := newBrowser(p.site(t, nil), "alice")
	open := func() *httptest.ResponseRecorder {
		return b.do(http.MethodGet, p.browse(t, b.start(t, "/connect/example?return_to=%2Fsettings")), nil)
	}
	assert.Equal(t, http.StatusSeeOther, open().Code)
	subject = "two"
	w := open()
	assert.Equal(t, http.StatusOK, w.Code, "no redirect hides it")
	assert.Contains(t, w.Body.String(), "another user of the provider than before")
	assert.Contains(t, w.Body.String(), `href="/settings"`)
}

func TestATokenThatIsNotABearerIsRefusedAndRevoked(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		p.AS.Token = func(w http.ResponseWriter, _ *http.Request) bool {
			writeJSON(w, http.StatusOK, map[string]any{"access_token": "synthetic-bound", "token_type": "DPoP", "refresh_token": "synthetic-refresh"})
			return true
		}
	})
	_, err := p.consent(t, alice, nil)
	assert.Equal(t, connect.KindUnsupported, connect.KindOf(err))
	assert.Equal(t, []string{"synthetic-refresh"}, p.AS.revoked)
	_, err = p.Store.Status(t.Context(), keyOf(alice))
	require.ErrorIs(t, err, oauthstore.ErrNotFound)
}

func TestARefusalByTheServerIsTheVerdictOfASuccess(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		p.Options.Verify = func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
			return oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonAudience}
		}
	})
	got, err := p.consent(t, alice, nil)
	require.NoError(t, err)
	assert.Equal(t, oauthstore.OutcomeRefused, got.Status.Verdict.Outcome)
	assert.Equal(t, oauthstore.ReasonAudience, got.Status.Reason)
}

func TestResultWarnsOfATokenThatIsNotVerified(t *testing.T) {
	t.Parallel()
	verdict := oauthstore.Verdict{Detail: "The server sent a response that is not MCP: 200. Check the URL."}
	p := newPlace(t, func(p *place) {
		p.Options.Verify = func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict { return verdict }
	})
	got, err := p.consent(t, alice, nil)
	require.NoError(t, err)
	assert.Equal(t, "Not verified: "+verdict.Detail, got.Warning)
	st, err := p.Store.Status(t.Context(), keyOf(alice))
	require.NoError(t, err)
	assert.Equal(t, verdict.Detail, st.Verdict.Detail, "the status says so later too")

	verdict = oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted, Detail: "The server accepts this token."}
	got, err = p.consent(t, alice, nil)
	require.NoError(t, err)
	assert.Empty(t, got.Warning)

	// A pair of unknown lifetime may be refreshed, so the store keeps no rejection.
	p.AS.Token = func(w http.ResponseWriter, _ *http.Request) bool {
		writeJSON(w, http.StatusOK, map[string]any{"access_token": "synthetic-access-9", "token_type": "Bearer", "refresh_token": "synthetic-refresh-9"})
		return true
	}
	verdict = oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonAudience}
	got, err = p.consent(t, alice, nil)
	require.NoError(t, err)
	assert.Equal(t, oauthstore.OutcomeRefused, got.Status.Verdict.Outcome)
}

func TestAProviderWithoutAConsentIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	keyOnly := providers.Custom("keys", testServer, &providers.CustomOptions{
		Ways: []providers.Way{{ID: "api_key", Kind: providers.WayKey, Name: "API key", Obtain: "Make one."}},
	})
	_, err := p.Begin(t.Context(), keyOnly, alice, nil)
	assert.Equal(t, connect.KindUnsupported, connect.KindOf(err))
}

// wantsPushed makes the authorization server take pushed requests only.
func wantsPushed(p *place) {
	p.AS.Metadata["pushed_authorization_request_endpoint"] = testIssuer + "/par"
	p.AS.Metadata["require_pushed_authorization_requests"] = true
}

func TestARequestIsPushedWhereTheServerWantsThat(t *testing.T) {
	t.Parallel()
	p := newPlace(t, wantsPushed)
	consent, err := p.Begin(t.Context(), example(), alice, nil)
	require.NoError(t, err)
	u, err := url.Parse(consent.URL)
	require.NoError(t, err)
	assert.Equal(t, url.Values{"client_id": {consent.ClientID}, "request_uri": u.Query()["request_uri"]}, u.Query(), "the browser carries nothing else")
	got, err := p.Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
	require.NoError(t, err)
	assert.Equal(t, oauthstore.StateActive, got.Status.State)
	assert.Equal(t, testServer, p.AS.Asked()[0].Get("resource"))

	// It tells at once that the server has forgotten the client.
	p.AS.Forget()
	_, err = p.consent(t, alice, nil)
	require.NoError(t, err)
	assert.Len(t, p.AS.Registrations(), 2)
}

func TestAPushedRequestIsMadeByTheApplicationWithItsSecret(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) { withApp(p); wantsPushed(p) })
	_, err := p.consent(t, alice, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"robot", "robot"}, p.AS.basics, "at both endpoints")

	p.AS.Know(asClient{ID: "robot", Secret: "synthetic-other", Method: "client_secret_basic"})
	_, err = p.Begin(t.Context(), example(), alice, nil)
	assert.Equal(t, connect.KindMisconfigured, connect.KindOf(err))
	assert.Empty(t, p.AS.Registrations(), "no registration replaces it")
}

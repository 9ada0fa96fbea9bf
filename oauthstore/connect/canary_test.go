package connect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// A copyist is a backend that keeps a copy of all that is written.
type copyist struct {
	backend.Backend

	mu      sync.Mutex
	written bytes.Buffer // guarded by mu
}

func (c *copyist) Put(ctx context.Context, id backend.ID, r backend.Record, ifVersion uint64) error {
	c.mu.Lock()
	fmt.Fprintf(&c.written, "%+v\n%s\n", id, r.Data)
	c.mu.Unlock()
	return c.Backend.Put(ctx, id, r, ifVersion)
}

func (c *copyist) String() string { c.mu.Lock(); defer c.mu.Unlock(); return c.written.String() }

// syncLog is a log that several goroutines write.
type syncLog struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (l *syncLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *syncLog) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

// shown is how values get into logs and answers by mistake.
func shown(values ...any) string {
	var b bytes.Buffer
	for _, v := range values {
		nested := struct{ hidden any }{v}
		for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
			fmt.Fprintf(&b, verb+"\n"+verb+"\n", v, nested)
		}
		slog.New(slog.NewJSONHandler(&b, nil)).Info("shown", "v", v)
		data, err := json.Marshal(v)
		fmt.Fprintf(&b, "%s %v\n", data, err)
	}
	return b.String()
}

// A trial goes through the ways in which a credential comes to be. It keeps what
// people and logs get to see, and what of it is a secret.
type trial struct {
	*place
	site   http.Handler
	seen   strings.Builder // pages, and values as they print
	log    *syncLog
	stored *copyist
	cookie string // the binding of alice's browser
}

func newTrial(t *testing.T, sealer backend.Sealer) *trial {
	t.Helper()
	tr := &trial{stored: &copyist{Backend: memstore.New()}, log: &syncLog{}}
	tr.place = newPlace(t, func(p *place) {
		p.Backend, p.keys = tr.stored, sealer
		p.AS.Secrets, p.AS.SecretLife = true, 24*time.Hour
		p.AS.Metadata["token_endpoint_auth_methods_supported"] = []string{"client_secret_post"}
		p.Options.Logger = slog.New(slog.NewJSONHandler(tr.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	tr.site = tr.place.site(t, nil)
	return tr
}

// secrets are all secrets that the servers issued or received. The state of a
// consent is one until the consent ends.
func (tr *trial) secrets(t *testing.T) map[string][]string {
	t.Helper()
	tr.AS.mu.Lock()
	defer tr.AS.mu.Unlock()
	all := map[string][]string{"binding": {tr.cookie}, "app's secret": {"synthetic-app-secret"}}
	for code := range tr.AS.codes { // those that were not redeemed
		all["code"] = append(all["code"], code)
	}
	for _, c := range tr.AS.clients {
		if c.ManageToken != "" {
			all["registered secret"] = append(all["registered secret"], c.Secret)
			all["registration token"] = append(all["registration token"], c.ManageToken)
		}
	}
	for _, form := range tr.AS.forms {
		for field, what := range map[string]string{"code": "code", "code_verifier": "verifier", "refresh_token": "refresh token"} {
			if v := form.Get(field); v != "" {
				all[what] = append(all[what], v)
			}
		}
	}
	for _, asked := range tr.AS.asked {
		all["state"] = append(all["state"], asked.Get("state"))
	}
	for i := range tr.AS.serial + 1 {
		all["access token"] = append(all["access token"], fmt.Sprintf("synthetic-access-%d", i))
		all["refresh token"] = append(all["refresh token"], fmt.Sprintf("synthetic-refresh-%d", i))
	}
	return all
}

// visit goes to a page of the application and looks at it. Where it leads is
// for the browser only.
func (tr *trial) visit(b *browser, method, target string, form url.Values) *httptest.ResponseRecorder {
	w := b.do(method, target, form)
	fmt.Fprintln(&tr.seen, w.Body)
	for name, values := range w.Header() {
		if name != "Set-Cookie" && name != "Location" {
			fmt.Fprintln(&tr.seen, name, values)
		}
	}
	return w
}

// consents goes through the form to the authorization server and returns where
// that sends the browser.
func (tr *trial) consents(t *testing.T, b *browser) string {
	t.Helper()
	page := tr.visit(b, http.MethodGet, "/connect/example", nil)
	w := tr.visit(b, http.MethodPost, "/connect/example", fields(page.Body.String()))
	require.Equal(t, http.StatusSeeOther, w.Code)
	return tr.browse(t, w.Header().Get("Location"))
}

// tells records the printed forms of a result and an error.
func (tr *trial) tells(result any, err error) {
	tr.seen.WriteString(shown(result))
	if err != nil {
		tr.seen.WriteString(shown(err))
		for cause := err; cause != nil; cause = errors.Unwrap(cause) {
			tr.seen.WriteString(cause.Error())
		}
	}
}

// carol is an owner for whom no server is asked.
var carol = oauthstore.Owner{Tenant: "acme", Subject: "carol"}

// repeating is a token endpoint that refuses and repeats what it was sent.
func repeating(w http.ResponseWriter, r *http.Request) bool {
	_ = r.ParseForm()
	var said []string
	for _, field := range []string{"code", "code_verifier", "client_secret", "refresh_token"} {
		if v := r.PostForm.Get(field); v != "" {
			said = append(said, field+" "+v)
		}
	}
	if _, secret, ok := r.BasicAuth(); ok {
		said = append(said, "secret "+secret)
	}
	writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "No: " + strings.Join(said, ", ")})
	return true
}

func (tr *trial) run(t *testing.T) {
	t.Helper()
	// In a browser: well, again, elsewhere, by another user, refused, denied.
	b, other := newBrowser(tr.site, "alice"), newBrowser(tr.site, "alice")
	back := tr.consents(t, b)
	tr.cookie = b.cookies["__Host-toolgrant"]
	require.NotEmpty(t, tr.cookie)
	assert.Equal(t, http.StatusForbidden, tr.visit(other, http.MethodGet, back, nil).Code)
	b.as = "bob"
	assert.Equal(t, http.StatusForbidden, tr.visit(b, http.MethodGet, back, nil).Code)
	b.as = "alice"
	assert.Equal(t, http.StatusOK, tr.visit(b, http.MethodGet, back, nil).Code)
	assert.Equal(t, http.StatusOK, tr.visit(b, http.MethodGet, back, nil).Code)
	tr.AS.Token = repeating
	assert.Equal(t, http.StatusBadGateway, tr.visit(b, http.MethodGet, tr.consents(t, b), nil).Code)
	tr.AS.Token = nil
	tr.AS.Deny = true
	assert.Equal(t, http.StatusForbidden, tr.visit(b, http.MethodGet, tr.consents(t, b), nil).Code)
	tr.AS.Deny = false

	// By hand: refused, a wrong state, and well.
	by := func(owner oauthstore.Owner, change func(back string) string) {
		consent, err := tr.Begin(t.Context(), example(), owner, nil)
		require.NoError(t, err)
		result, err := tr.Finish(t.Context(), owner, consent.Binding, change(tr.browse(t, consent.URL)))
		tr.tells(result, err)
	}
	same := func(back string) string { return back }
	tr.AS.Token = repeating
	by(alice, same)
	tr.AS.Token = nil
	by(alice, func(back string) string { return strings.Replace(back, "state=", "state=x", 1) })
	by(alice, same)
	token, err := tr.Store.Token(t.Context(), keyOf(alice), oauthstore.Need{})
	tr.tells(token, err)

	// A refresh, refused too.
	status, err := tr.Store.Refresh(t.Context(), keyOf(alice), token.Generation)
	tr.tells(status, err)
	tr.AS.Token = repeating
	status, err = tr.Store.Refresh(t.Context(), keyOf(alice), status.Generation)
	require.Error(t, err)
	tr.tells(status, err)
	tr.AS.Token = nil

	// The application's own, with its secret kept here.
	opts := tr.Options
	opts.Apps = connect.Apps{{
		Issuer: testIssuer, Servers: []string{testServer}, ID: "robot", Secret: oauthstore.NewSecret("synthetic-app-secret"), Keep: true,
	}}
	tr.AS.Know(asClient{ID: "robot", Secret: "synthetic-app-secret", Method: "client_secret_post"})
	robot, err := connect.New(tr.Store, &opts)
	require.NoError(t, err)
	tr.seen.WriteString(shown(opts.Apps[0].Secret))
	result, err := robot.ClientCredentials(t.Context(), example(), carol, nil)
	require.NoError(t, err)
	tr.tells(result, err)
	tr.AS.Token = repeating
	result, err = robot.ClientCredentials(t.Context(), example(), carol, nil)
	require.Error(t, err)
	tr.tells(result, err)
	tr.AS.Token = nil

	// Imported tokens.
	pair := connect.Token{
		AccessToken: oauthstore.NewSecret("synthetic-access-0"), RefreshToken: oauthstore.NewSecret("synthetic-refresh-0"),
		ClientID: "robot", ClientSecret: oauthstore.NewSecret("synthetic-app-secret"), AuthMethod: "client_secret_post",
	}
	tr.seen.WriteString(shown(pair))
	result, err = tr.Import(t.Context(), example(), carol, pair, nil)
	require.NoError(t, err)
	tr.tells(result, err)
	pair.AccessToken = oauthstore.NewSecret("Bearer synthetic-access-0")
	result, err = tr.Import(t.Context(), example(), carol, pair, nil)
	require.Error(t, err)
	tr.tells(result, err)
}

func TestNothingOfAConsentIsSeenAnywhere(t *testing.T) {
	t.Parallel()
	keys, err := keyset.New()
	require.NoError(t, err)
	tr := newTrial(t, keys)
	tr.run(t)
	require.NotEmpty(t, tr.log.String())
	for what, secrets := range tr.secrets(t) {
		require.NotEmpty(t, secrets, what)
		for _, secret := range secrets {
			require.GreaterOrEqual(t, len(secret), 16, what)
			assert.NotContains(t, tr.seen.String(), secret, "a page or a printed value shows a %s", what)
			assert.NotContains(t, tr.log.String(), secret, "the log holds a %s", what)
			assert.NotContains(t, tr.stored.String(), secret, "the store holds a %s in clear text", what)
		}
	}
}

// TestTheCanariesAreFoundWhereNothingIsSealed shows that the test above looks
// for what is really there.
func TestTheCanariesAreFoundWhereNothingIsSealed(t *testing.T) {
	t.Parallel()
	tr := newTrial(t, oauthstore.InsecureNoSeal)
	tr.run(t)
	for what, secrets := range tr.secrets(t) {
		found := slices.ContainsFunc(secrets, func(secret string) bool { return strings.Contains(tr.stored.String(), secret) })
		stays := !slices.Contains([]string{"code", "state", "binding"}, what) // of those only a digest is stored, or nothing
		assert.Equal(t, stays, found, what)
	}
}

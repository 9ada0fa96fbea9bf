package oauthstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

const (
	testIssuer   = "https://as.example.com"
	testEndpoint = testIssuer + "/token"
	testRevoke   = testIssuer + "/revoke"
	testServer   = "https://mcp.example.com/mcp"
)

func testKey(subject string) oauthstore.Key {
	return oauthstore.Key{
		Owner: oauthstore.Owner{Tenant: "acme", Subject: subject}, Provider: "example", Server: testServer,
	}
}

// An authServer is a token endpoint that rotates refresh tokens and, when a
// spent one comes back, revokes its whole family. It is a RoundTripper, so
// that tests with virtual time can use it; what it does to the wire is tested
// against real servers elsewhere.
type authServer struct {
	TTL     time.Duration
	Latency time.Duration
	// RevokeLatency is Latency of the revocation endpoint.
	RevokeLatency time.Duration
	// Answer, if not nil, answers instead. consume performs the rotation, as if
	// the server had done its part.
	Answer func(n int, form url.Values, consume func() *http.Response) (*http.Response, error)
	// Arrived, if not nil, is called when a refresh has arrived.
	Arrived func(n int)

	mu      sync.Mutex
	once    func(form url.Values, consume func() *http.Response) (*http.Response, error) // like Answer, one time
	arrived func()                                                                       // like Arrived, one time
	posts   int
	reuses  int
	serial  int
	current map[string]string // refresh token → family
	spent   map[string]string
	dead    map[string]bool // families
	access  map[string]bool // access tokens that live
	revoked []string
}

func newAuthServer() *authServer {
	return &authServer{
		TTL: time.Hour, current: map[string]string{}, spent: map[string]string{},
		dead: map[string]bool{}, access: map[string]bool{},
	}
}

// Grant mints the first pair of a new family.
func (a *authServer) Grant(family string) (access, refresh string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mint(family)
}

func (a *authServer) mint(family string) (access, refresh string) {
	a.serial++
	access, refresh = fmt.Sprintf("synthetic-access-%s-%d", family, a.serial), fmt.Sprintf("synthetic-refresh-%s-%d", family, a.serial)
	a.current[refresh] = family
	a.access[access] = true
	return access, refresh
}

// Once sets what happens to the next request, while others may be under way.
func (a *authServer) Once(arrived func(), answer func(form url.Values, consume func() *http.Response) (*http.Response, error)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.arrived, a.once = arrived, answer
}

func (a *authServer) Posts() int  { a.mu.Lock(); defer a.mu.Unlock(); return a.posts }
func (a *authServer) Reuses() int { a.mu.Lock(); defer a.mu.Unlock(); return a.reuses }
func (a *authServer) Revoked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.revoked...)
}

// Usable reports whether the refresh token would still be taken.
func (a *authServer) Usable(refresh string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	family, ok := a.current[refresh]
	return ok && !a.dead[family]
}

// Left returns the refresh tokens of a family that would still be taken.
func (a *authServer) Left(family string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var left []string
	for refresh, f := range a.current {
		if f == family && !a.dead[f] {
			left = append(left, refresh)
		}
	}
	return left
}

func answer(status int, contentType, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {contentType}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func oauthError(status int, code string) *http.Response {
	return answer(status, "application/json", `{"error":"`+code+`"}`)
}

func (a *authServer) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(req.URL.Path, "/revoke") {
		if err := sleepFor(req.Context(), a.RevokeLatency); err != nil {
			return nil, err
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.revoked = append(a.revoked, form.Get("token"))
		delete(a.current, form.Get("token"))
		return answer(200, "application/json", ""), nil
	}
	a.mu.Lock()
	a.posts++
	n, once, arrived := a.posts, a.once, a.arrived
	a.once, a.arrived = nil, nil
	a.mu.Unlock()
	if a.Arrived != nil {
		a.Arrived(n)
	}
	if arrived != nil {
		arrived()
	}
	if err := sleepFor(req.Context(), a.Latency); err != nil {
		return nil, err
	}
	consume := func() *http.Response { return a.rotate(form.Get("refresh_token")) }
	if once != nil {
		return once(form, consume)
	}
	if a.Answer != nil {
		return a.Answer(n, form, consume)
	}
	return consume(), nil
}

func sleepFor(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *authServer) rotate(refresh string) *http.Response {
	a.mu.Lock()
	defer a.mu.Unlock()
	family, ok := a.current[refresh]
	if !ok {
		if family, ok = a.spent[refresh]; ok {
			a.reuses++
			a.dead[family] = true
		}
		return oauthError(400, "invalid_grant")
	}
	if a.dead[family] {
		return oauthError(400, "invalid_grant")
	}
	delete(a.current, refresh)
	a.spent[refresh] = family
	access, next := a.mint(family)
	return answer(200, "application/json", fmt.Sprintf(
		`{"access_token":%q,"refresh_token":%q,"token_type":"Bearer","expires_in":%d}`, access, next, int(a.TTL/time.Second)))
}

// credential returns a consented credential of a new family.
func (a *authServer) credential(family string) oauthstore.Credential {
	access, refresh := a.Grant(family)
	return oauthstore.Credential{
		AccessToken: oauthstore.NewSecret(access), RefreshToken: oauthstore.NewSecret(refresh),
		Expiry: time.Now().Add(a.TTL),
		Provenance: oauthstore.Provenance{
			Obtained: oauthstore.ObtainedConsent, Issuer: testIssuer, Resource: testServer,
			TokenEndpoint: testEndpoint, RevocationEndpoint: testRevoke, ClientID: "app", AuthMethod: "none",
		},
	}
}

// A faultyBackend passes calls on, unless set to fail or to let another
// process in between.
type faultyBackend struct {
	backend.Backend
	down    atomic.Bool
	downPut atomic.Bool
	hangs   atomic.Bool // as a pool without a free connection
	// BeforePut, if not nil, runs before each Put.
	BeforePut func(id backend.ID)
	// LostPut, if not nil, reports whether the answer to a Put that was done is lost.
	LostPut func(id backend.ID) bool
	// AfterPut, if not nil, runs after each Put that was done.
	AfterPut func(id backend.ID)
	// BeforeGet, if not nil, runs before each Get.
	BeforeGet func(id backend.ID)
	// AfterGet, if not nil, runs after each Get, before its caller has the answer.
	AfterGet func(id backend.ID)
	clock    atomic.Int64 // by how much the backend's clock is off, in nanoseconds
	gets     atomic.Int64
	puts     atomic.Int64
}

var errDown = fmt.Errorf("backend: %w: connection refused", oauthstore.ErrUnavailable)

// wait waits while the backend hangs.
func (b *faultyBackend) wait(ctx context.Context) error {
	for b.hangs.Load() {
		if err := sleepFor(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (b *faultyBackend) Get(ctx context.Context, id backend.ID) (backend.Record, error) {
	b.gets.Add(1)
	if err := b.wait(ctx); err != nil {
		return backend.Record{}, err
	}
	if b.down.Load() {
		return backend.Record{}, errDown
	}
	if b.BeforeGet != nil {
		b.BeforeGet(id)
	}
	rec, err := b.Backend.Get(ctx, id)
	if b.AfterGet != nil {
		b.AfterGet(id)
	}
	rec.Now = rec.Now.Add(time.Duration(b.clock.Load()))
	return rec, err
}

func (b *faultyBackend) Put(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
	b.puts.Add(1)
	if err := b.wait(ctx); err != nil {
		return err
	}
	if b.down.Load() || b.downPut.Load() {
		return errDown
	}
	if b.BeforePut != nil {
		b.BeforePut(id)
	}
	err := b.Backend.Put(ctx, id, rec, ifVersion)
	if err == nil && b.AfterPut != nil {
		b.AfterPut(id)
	}
	if err == nil && b.LostPut != nil && b.LostPut(id) {
		return errDown
	}
	return err
}

// world is a store on a backend with an authorization server.
type world struct {
	as      *authServer
	backend *faultyBackend
	sealer  *keyset.Set
	store   *oauthstore.Store
	mu      sync.Mutex
	events  []oauthstore.Event
}

func newWorld(t *testing.T, change func(*oauthstore.Options)) *world {
	t.Helper()
	keys, err := keyset.New()
	require.NoError(t, err)
	w := &world{as: newAuthServer(), backend: &faultyBackend{Backend: memstore.New()}, sealer: keys}
	w.store = w.replica(t, change)
	return w
}

// replica opens another store on the same backend, as another process would.
func (w *world) replica(t *testing.T, change func(*oauthstore.Options)) *oauthstore.Store {
	t.Helper()
	opts := &oauthstore.Options{
		InsecureTransport: w.as,
		Observer: func(_ context.Context, e oauthstore.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, e)
		},
	}
	if change != nil {
		change(opts)
	}
	s, err := oauthstore.New(w.backend, w.sealer, opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = s.Close(ctx)
	})
	return s
}

func (w *world) seen(typ oauthstore.EventType) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, e := range w.events {
		if e.Type == typ {
			n++
		}
	}
	return n
}

// connect puts a credential into the store.
func (w *world) connect(t *testing.T, key oauthstore.Key, change func(*oauthstore.Credential)) oauthstore.Status {
	t.Helper()
	c := w.as.credential(key.Owner.Subject)
	if change != nil {
		change(&c)
	}
	st, err := w.store.Put(t.Context(), key, c)
	require.NoError(t, err)
	return st
}

// wait lets virtual time pass.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

func typed(t *testing.T, err error) *oauthstore.Error {
	t.Helper()
	e, ok := errors.AsType[*oauthstore.Error](err)
	require.True(t, ok, "%v is an *oauthstore.Error", err)
	return e
}

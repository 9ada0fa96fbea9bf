package soak_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newStore returns a store that is closed at the end of the test.
func newStore(t *testing.T, b backend.Backend, sealer backend.Sealer, opts *oauthstore.Options) *oauthstore.Store {
	t.Helper()
	s, err := oauthstore.New(b, sealer, opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		assert.NoError(t, s.Close(ctx))
	})
	return s
}

func newKeyset(t *testing.T) *keyset.Set {
	t.Helper()
	keys, err := keyset.New()
	require.NoError(t, err)
	return keys
}

// soaking reports whether to run the long versions; see the Makefile.
func soaking() bool { return os.Getenv("TOOLGRANT_SOAK") != "" }

// pair returns a credential that was obtained by consent.
func pair(name string, expiry time.Time, endpoint string) oauthstore.Credential {
	return oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-access-" + name), RefreshToken: oauthstore.NewSecret("synthetic-refresh-" + name),
		Expiry: expiry,
		Provenance: oauthstore.Provenance{
			Obtained: oauthstore.ObtainedConsent, TokenEndpoint: endpoint, ClientID: "app", AuthMethod: "none",
		},
	}
}

// A tokenServer responds to every refresh with new tokens after a delay, and
// counts the requests.
type tokenServer struct {
	*httptest.Server
	latency time.Duration
	open    atomic.Pointer[chan struct{}] // until it is closed, no request gets a response
	posts   atomic.Int64
	flying  atomic.Int64
	most    atomic.Int64 // maximum of concurrent requests
}

func newTokenServer(t *testing.T, latency time.Duration) *tokenServer {
	t.Helper()
	s := &tokenServer{latency: latency}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		flying := s.flying.Add(1)
		defer s.flying.Add(-1)
		for most := s.most.Load(); flying > most && !s.most.CompareAndSwap(most, flying); most = s.most.Load() {
		}
		n := s.posts.Add(1)
		if open := s.open.Load(); open != nil {
			<-*open
		}
		select {
		case <-time.After(s.latency):
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":"synthetic-access-%d","refresh_token":"synthetic-refresh-%d","token_type":"Bearer","expires_in":3600}`, n, n)
	}))
	t.Cleanup(s.Close)
	return s
}

// hold delays all responses until the returned function is called.
func (s *tokenServer) hold() (release func()) {
	open := make(chan struct{})
	s.open.Store(&open)
	return func() { close(open) }
}

// percentile returns the pth percentile of times, which it sorts.
func percentile(times []time.Duration, p int) time.Duration {
	slices.Sort(times)
	return times[(len(times)-1)*p/100]
}

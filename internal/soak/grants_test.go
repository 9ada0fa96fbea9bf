package soak_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// A grantServer has one grant for each of n users: it rotates the refresh token
// at each use and revokes the current one only.
type grantServer struct {
	*httptest.Server
	revocations atomic.Int64
	failRevoke  func(user int) bool // if not nil: respond with 503

	mu      sync.Mutex
	current []int  // guarded by mu
	revoked []bool // guarded by mu
	reused  int    // guarded by mu
}

func newGrantServer(t *testing.T, users int) *grantServer {
	t.Helper()
	s := &grantServer{current: make([]int, users), revoked: make([]bool, users)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *grantServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	revoke := r.URL.Path == "/revoke"
	token := r.PostFormValue("refresh_token")
	if revoke {
		token = r.PostFormValue("token")
	}
	name, n, _ := strings.Cut(strings.TrimPrefix(token, "synthetic-refresh-"), "-")
	user, err := strconv.Atoi(name)
	serial, err2 := strconv.Atoi(n)
	if err != nil || err2 != nil {
		http.Error(w, "unknown token", http.StatusTeapot)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	live := s.current[user] == serial && !s.revoked[user]
	w.Header().Set("Content-Type", "application/json")
	switch {
	case revoke:
		s.revocations.Add(1)
		if s.failRevoke != nil && s.failRevoke(user) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		s.revoked[user] = s.revoked[user] || live
	case !live:
		if !s.revoked[user] {
			s.reused++
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
	default:
		s.current[user]++
		_, _ = fmt.Fprintf(w, `{"access_token":"synthetic-access-%d-%d","refresh_token":"synthetic-refresh-%d-%d","token_type":"Bearer","expires_in":3600}`,
			user, serial+1, user, serial+1)
	}
}

// access returns the user's current access token.
func (s *grantServer) access(user int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("synthetic-access-%d-%d", user, s.current[user])
}

// alive returns the number of grants that are not revoked.
func (s *grantServer) alive() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, revoked := range s.revoked {
		if !revoked {
			n++
		}
	}
	return n
}

func (s *grantServer) key(user int) oauthstore.Key {
	return oauthstore.Key{
		Owner: oauthstore.Owner{Tenant: "acme", Subject: fmt.Sprintf("u_%06d", user)}, Provider: "example", Server: "https://mcp.example.com/mcp",
	}
}

// connect stores the credentials of all users.
func (s *grantServer) connect(t *testing.T, store *oauthstore.Store) {
	t.Helper()
	eachUser(t, len(s.current), func(user int) error {
		c := pair(fmt.Sprintf("%d-0", user), time.Now().Add(time.Hour), s.URL+"/token")
		c.Provenance.RevocationEndpoint = s.URL + "/revoke"
		_, err := store.Put(t.Context(), s.key(user), c)
		return err
	})
}

// eachUser calls f for each user, some at once, and requires that none fails.
func eachUser(t *testing.T, users int, f func(user int) error) {
	t.Helper()
	t.Helper()
	var next atomic.Int64
	var first atomic.Pointer[error]
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				user := int(next.Add(1)) - 1
				if user >= users || first.Load() != nil {
					return
				}
				if err := f(user); err != nil {
					first.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	wg.Wait()
	if err := first.Load(); err != nil {
		require.NoError(t, *err)
	}
}

package fleet_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/servertest"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// workerHeader names the process that sends a request.
const workerHeader = "X-Worker"

// A post is one refresh that reached the proxy of the server.
type post struct {
	at           time.Time
	chain        string // the minted grant
	worker       string // the sending process
	spent        string // the refresh token
	status       int    // the server's response; 0: not forwarded
	code         string // "error" of the response
	access, next string // the issued tokens
	left         bool   // the sender had disconnected before the response
}

// An answer replaces the server's response; the zero value closes the
// connection.
type answer struct {
	status int
	header http.Header
	body   string
}

// An authServer is the certified server behind a proxy that records and
// disturbs requests to its token endpoint.
type authServer struct {
	front *httptest.Server
	node  string // address of the server itself
	http  *http.Client

	mu     sync.Mutex
	chains map[string]string // refresh token to chain
	posts  []*post
	ended  []string                       // revoked tokens
	before map[string]func(*post) *answer // by chain: before the request is forwarded
	after  map[string]func(*post) *answer // by chain: after the server's response
	passed map[string]func(*post)         // by chain: after the response was forwarded
	any    func(*post) *answer            // before any request is forwarded; nil: none
}

// startServer starts the server, which declares an access token lifetime of
// ttl, in whole seconds: longer than a round, so that no token expires in one.
func startServer(t *testing.T, ttl time.Duration) *authServer {
	t.Helper()
	node := servertest.Node(t)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), node, "testdata/server.mjs")
	cmd.Env = append(os.Environ(), "TOOLGRANT_TOKEN_TTL="+strconv.Itoa(int(ttl/time.Second)))
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	s := &authServer{
		node: strings.TrimSpace(line), http: &http.Client{Transport: &http.Transport{}}, chains: map[string]string{},
		before: map[string]func(*post) *answer{}, after: map[string]func(*post) *answer{}, passed: map[string]func(*post){},
	}
	s.front = httptest.NewServer(s)
	t.Cleanup(func() { s.front.Close(); s.http.CloseIdleConnections() })
	return s
}

// ServeHTTP forwards a request to the server, with the faults of its chain.
func (s *authServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	form, _ := url.ParseQuery(string(body))
	p := &post{at: time.Now(), worker: r.Header.Get(workerHeader), spent: form.Get("refresh_token")}
	s.mu.Lock()
	p.chain = s.chains[p.spent]
	before, after, passed := s.before[p.chain], s.after[p.chain], s.passed[p.chain]
	if before == nil {
		before = s.any
	}
	isRefresh := r.URL.Path == "/token"
	if isRefresh {
		s.posts = append(s.posts, p)
	} else {
		s.ended = append(s.ended, form.Get("token"))
	}
	s.mu.Unlock()
	if isRefresh && before != nil {
		if a := before(p); a != nil {
			a.write(w)
			return
		}
	}
	status, header, body := s.pass(r, body)
	if isRefresh {
		s.note(p, status, body)
		s.leaving(r.Context(), p)
		if after != nil {
			if a := after(p); a != nil {
				a.write(w)
				return
			}
		}
	}
	(&answer{status: status, header: header, body: string(body)}).write(w)
	if isRefresh && passed != nil {
		_ = http.NewResponseController(w).Flush()
		passed(p)
	}
}

// pass forwards a request, even if the sender disconnects.
func (s *authServer) pass(r *http.Request, body []byte) (int, http.Header, []byte) {
	req, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, s.node+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return http.StatusBadGateway, nil, nil
	}
	req.Header.Set("Content-Type", r.Header.Get("Content-Type"))
	resp, err := s.http.Do(req)
	if err != nil {
		return http.StatusBadGateway, nil, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return http.StatusBadGateway, nil, nil
	}
	return resp.StatusCode, http.Header{"Content-Type": resp.Header["Content-Type"]}, text
}

func (s *authServer) note(p *post, status int, body []byte) {
	var a struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Error   string `json:"error"`
	}
	_ = json.Unmarshal(body, &a)
	s.mu.Lock()
	defer s.mu.Unlock()
	p.status, p.code, p.access, p.next = status, a.Error, a.Access, a.Refresh
	if a.Refresh != "" {
		s.chains[a.Refresh] = p.chain
	}
}

// leaving records whether the sender has disconnected.
func (s *authServer) leaving(ctx context.Context, p *post) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.left = ctx.Err() != nil
}

func (a *answer) write(w http.ResponseWriter) {
	if a.status == 0 {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// fault sets the faults of the refreshes of a chain; nil means none.
func (s *authServer) fault(chain string, before, after func(*post) *answer, passed func(*post)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before[chain], s.after[chain], s.passed[chain] = before, after, passed
}

// sent returns the refreshes of a chain from the nth on.
func (s *authServer) sent(chain string, from int) []post {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []post
	for _, p := range s.posts {
		if p.chain == chain {
			all = append(all, *p)
		}
	}
	return all[from:]
}

// revoked returns the tokens whose revocation was requested.
func (s *authServer) revoked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ended)
}

func (s *authServer) ask(t *testing.T, method, path string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, s.node+path, nil)
	require.NoError(t, err)
	resp, err := s.http.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.NoError(t, json.NewDecoder(resp.Body).Decode(into))
}

// live reports whether the server accepts an access token.
func (s *authServer) live(t *testing.T, access string) bool {
	t.Helper()
	var a struct{ Live bool }
	s.ask(t, http.MethodPost, "/_live?token="+url.QueryEscape(access), &a)
	return a.Live
}

// counts are the server's own counters.
type counts struct{ Asked, Rotated, Reused int }

func (s *authServer) counts(t *testing.T) (c counts) {
	t.Helper()
	s.ask(t, http.MethodGet, "/_counts", &c)
	return c
}

// A minted is a grant of the server, as after a consent.
type minted struct {
	chain           string
	access, refresh string
}

func (s *authServer) mint(t *testing.T) minted {
	t.Helper()
	var a struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	s.ask(t, http.MethodPost, "/_mint", &a)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := minted{chain: fmt.Sprintf("grant %d", len(s.chains)), access: a.Access, refresh: a.Refresh}
	s.chains[m.refresh] = m.chain
	return m
}

// credential returns a grant as a credential for a store, with an expired
// access token.
func (s *authServer) credential(m minted) oauthstore.Credential {
	return oauthstore.Credential{
		AccessToken: oauthstore.NewSecret(m.access), RefreshToken: oauthstore.NewSecret(m.refresh),
		Expiry: time.Now().Add(-time.Minute),
		Provenance: oauthstore.Provenance{
			Obtained: oauthstore.ObtainedConsent, Issuer: s.node, ClientID: "soak", AuthMethod: "none",
			TokenEndpoint: s.front.URL + "/token", RevocationEndpoint: s.front.URL + "/token/revocation",
		},
	}
}

// pairs returns the refreshes that got tokens.
func pairs(posts []post) []post {
	return slices.DeleteFunc(slices.Clone(posts), func(p post) bool { return p.access == "" })
}

// allSeen checks that the proxy and the server agree on the number of
// refreshes.
func (s *authServer) allSeen(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	asked := 0
	for _, p := range s.posts {
		if p.status != 0 {
			asked++
		}
	}
	s.mu.Unlock()
	assert.Equal(t, asked, s.counts(t).Asked, "refreshes at the server")
}

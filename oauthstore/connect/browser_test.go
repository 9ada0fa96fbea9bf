package connect_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/browsertest"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// A live site is a web application with TLS, with the servers around it on
// addresses of their own.
type liveSite struct {
	*place
	URL string

	mu       sync.Mutex
	statuses []int // of the application's answers
}

func (s *liveSite) lastStatus() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.statuses[len(s.statuses)-1]
}

// newLiveSite starts everything. Who is signed in is in a cookie, which
// /login?as=NAME sets.
func newLiveSite(t *testing.T) *liveSite {
	t.Helper()
	start := func(h http.Handler) string {
		srv := httptest.NewTLSServer(h)
		t.Cleanup(srv.Close)
		return srv.URL
	}
	s := &liveSite{}
	mux := http.NewServeMux()
	s.URL = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &statusRecorder{ResponseWriter: w}
		mux.ServeHTTP(rec, r)
		if r.URL.Path != "/favicon.ico" {
			s.mu.Lock()
			s.statuses = append(s.statuses, rec.status)
			s.mu.Unlock()
		}
	}))
	s.place = newPlace(t, func(p *place) {
		issuer := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.AS.ServeHTTP(w, r) }))
		p.AS = newAuthServer(issuer)
		server := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.MCP.ServeHTTP(w, r) }))
		p.MCP = newMCPServer(issuer)
		p.MCP.Challenge = `Bearer resource_metadata="` + server + p.MCP.Path + `"`
		p.MCP.Metadata["resource"] = server + "/mcp"
		p.MCP.Metadata["scopes_supported"] = []string{"tasks:read", "tasks:write"}
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
		p.Options.RedirectURL = s.URL + "/callback"
		p.Options.ClientName = "Acme Assistant"
		p.Options.InsecureTransport = transport
	})
	resource, _ := s.MCP.Metadata["resource"].(string)
	offered := []providers.Provider{
		providers.Custom("tasks", resource, &providers.CustomOptions{Name: "Tasks", Description: "Tasks: the tasks of your team."}),
		providers.Zapier(), providers.ZapierConnectionToken(), providers.Atlassian(), databricks(t), providers.Asana(), providers.DeepWiki(),
		providers.Notion(), providers.Linear(), providers.Stripe(),
	}
	signedIn := func(r *http.Request) (oauthstore.Owner, error) {
		c, err := r.Cookie("user")
		if err != nil || c.Value == "" {
			return oauthstore.Owner{}, errors.New("no user is signed in")
		}
		return oauthstore.Owner{Tenant: "acme", Subject: c.Value}, nil
	}
	web, err := s.Web(signedIn, &connect.WebOptions{Providers: offered})
	require.NoError(t, err)
	hasty := s.Options
	hasty.FlowTTL = time.Millisecond
	soon, err := connect.New(s.Store, &hasty)
	require.NoError(t, err)
	ended, err := soon.Web(signedIn, &connect.WebOptions{Providers: offered})
	require.NoError(t, err)
	mux.Handle("/connect/", web.Connect())
	mux.Handle("/hasty/", http.StripPrefix("/hasty", ended.Connect()))
	mux.Handle("/callback", web.Callback())
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "user", Value: r.FormValue("as"), Path: "/", Secure: true, HttpOnly: true})
		fmt.Fprintf(w, "<h1>Hello %s</h1>", html.EscapeString(r.FormValue("as")))
	})
	return s
}

type statusRecorder struct {
	http.ResponseWriter

	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func TestTheHandlersInChromium(t *testing.T) {
	t.Parallel()
	d := browsertest.Start(t)
	s := newLiveSite(t)

	// The authorization server holds the browser, and shows where it would send
	// it.
	holding := true
	hold := func(w http.ResponseWriter, location string) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<a id="back" href="%s">Allow</a>`, html.EscapeString(location))
	}
	s.AS.Hold = func(w http.ResponseWriter, location string) bool {
		if holding {
			hold(w, location)
		}
		return holding
	}

	first, other := d.Open(t), d.Open(t)
	defer first.Close(t)
	defer other.Close(t)
	first.Visit(t, s.URL+"/connect/tasks")
	first.Reads(t, "h1", "Please sign in first")
	first.Picture(t, "sign-in")
	first.Visit(t, s.URL+"/login?as=alice")
	other.Visit(t, s.URL+"/login?as=alice")
	first.Visit(t, s.URL+"/connect/tasks")
	first.Reads(t, "h1", "Connect Tasks")
	first.Picture(t, "connect")
	first.Click(t, "button")
	first.Reads(t, "#back", "Allow")
	back := first.Property(t, "#back", "href")

	expect := func(b *browsertest.Tab, name string, status int, heading string) {
		t.Helper()
		b.Reads(t, "h1", heading)
		assert.Equal(t, status, s.lastStatus())
		b.Picture(t, name)
		b.Fits(t)
		b.Accessible(t)
	}
	other.Visit(t, back)
	expect(other, "wrong-browser", http.StatusForbidden, "This belongs to another browser")
	first.Visit(t, s.URL+"/login?as=bob")
	first.Visit(t, back)
	expect(first, "wrong-owner", http.StatusForbidden, "Another account started this")
	first.Visit(t, s.URL+"/login?as=alice")
	first.Visit(t, back)
	expect(first, "connected", http.StatusOK, "Tasks is connected")
	first.Visit(t, back)
	expect(first, "already-done", http.StatusOK, "Tasks is connected")
	assert.Contains(t, first.Text(t, "main"), "was loaded before")
	assert.Equal(t, 1, s.AS.Count("POST /token"))

	holding = false
	first.Visit(t, s.URL+"/hasty/tasks")
	first.Click(t, "button")
	expect(first, "expired", http.StatusGone, "That took too long")
	first.Click(t, "a.primary")
	first.Reads(t, "h1", "Connect Tasks") // it can be started again from there
	first.Picture(t, "connect-again")

	s.AS.Deny = true
	first.Click(t, "button")
	expect(first, "denied", http.StatusForbidden, "Tasks was not connected")
	s.AS.Deny = false
	first.Visit(t, s.URL+"/connect/tasks?return_to=/login?as=carol")
	first.Click(t, "button")
	first.Reads(t, "h1", "Hello carol")
	assert.Equal(t, s.URL+"/login?as=carol", first.Address(t), "and leads back where it came from")
}

package lab

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/sleep"
)

// A FaultName describes a fault for [World.Fault].
type FaultName struct {
	Name string // such as "notes:401"
	Doc  string // what the part does then, in a sentence
}

// faultKinds are the faults by the part that they affect. "mcp" stands for each
// MCP server.
var faultKinds = []struct{ part, name, doc string }{
	{"mcp", "down", "every connection is closed without a response"},
	{"mcp", "hang", "requests are accepted and never answered"},
	{"mcp", "slow", "every response is delayed: slow=200ms"},
	{"mcp", "400", "400 to everything"},
	{"mcp", "401", "401 invalid_token to every request"},
	{"mcp", "401_bare", "401 without a WWW-Authenticate header"},
	{"mcp", "403", "403 without a reason"},
	{"mcp", "403_scope", "403 insufficient_scope"},
	{"mcp", "404", "404 to everything"},
	{"mcp", "405", "405 to everything"},
	{"mcp", "415", "415 to everything"},
	{"mcp", "429", "429 with Retry-After: 7"},
	{"mcp", "500", "500 to everything"},
	{"mcp", "503", "503 to everything"},
	{"mcp", "504", "504 to everything"},
	{"mcp", "html", "200 with an HTML page"},
	{"mcp", "redirect", "307 to a new address"},
	{"mcp", "no_tools", "an empty tool list"},
	{"mcp", "changed_tools", "the first tool has another description, and there is a new tool"},
	{"mcp", "list_error", "tools/list returns a JSON-RPC error"},
	{"mcp", "discover_500", "500 to server/discover, like servers that fail on unknown methods"},
	{"mcp", "session_lost", "tools/call reports a terminated session"},
	{"mcp", "call_401", "401 to tools/call only"},
	{"mcp", "call_500", "500 to tools/call only"},
	{"mcp", "call_error", "tools/call returns a JSON-RPC error"},
	{"mcp", "call_hang", "tools/call is never answered"},
	{"mcp", "no_metadata", "404 for the protected-resource metadata"},
	{"mcp", "wrong_resource", "the protected-resource metadata names another resource"},

	{"auth", "down", "the token endpoint closes every connection before it handles the request"},
	{"auth", "drop", "the token endpoint handles the request, and its response is lost"},
	{"auth", "late_502", "the token endpoint handles the request, and a proxy responds with 502 and HTML"},
	{"auth", "hang", "the token endpoint never responds and does not handle the request"},
	{"auth", "slow", "the token endpoint is delayed: slow=150ms"},
	{"auth", "429", "429 with Retry-After: 7; the request is not handled"},
	{"auth", "500", "500 without a body; the request is not handled"},
	{"auth", "503", "503 temporarily_unavailable with Retry-After: 7; the request is not handled"},
	{"auth", "html", "403 with an HTML page, like a firewall; the request is not handled"},
	{"auth", "redirect", "307 to another path; the request is not handled"},
	{"auth", "invalid_grant", "400 invalid_grant; the request is not handled"},
	{"auth", "invalid_client", "401 invalid_client; the request is not handled"},
	{"auth", "invalid_scope", "400 invalid_scope; the request is not handled"},
	{"auth", "no_expires_in", "responses without expires_in"},
	{"auth", "string_expires_in", "expires_in is a string"},
	{"auth", "no_access_token", "responses with a refresh token but without access_token"},
	{"auth", "no_refresh_token", "responses without refresh_token: the old one stays valid"},
	{"auth", "deny", "the user denies consent"},
	{"auth", "no_iss", "authorization responses without iss"},
	{"auth", "wrong_iss", "authorization responses with another server's iss"},
	{"auth", "wrong_state", "authorization responses with another state"},
	{"auth", "no_registration", "dynamic registration is not supported"},
	{"auth", "ignore_resource", "a foreign resource is accepted, and the token is for the first MCP server of this authorization server"},
	{"auth", "jwt", "access tokens are JWTs that name their audience"},
	{"auth", "no_pkce", "the metadata does not advertise PKCE"},
	{"auth", "wrong_issuer", "metadata names another issuer"},
	{"auth", "metadata_404", "404 for the metadata"},
	{"auth", "metadata_html", "an HTML page in place of the metadata"},

	{"openai", "down", "every connection is closed before the request is handled"},
	{"openai", "drop", "tools run, and the response is lost"},
	{"openai", "late_500", "tools run, and then 500"},
	{"openai", "hang", "no response"},
	{"openai", "slow", "every response is delayed: slow=200ms"},
	{"openai", "401", "the API key is rejected"},
	{"openai", "429", "rate limit, Retry-After: 1"},
	{"openai", "quota", "429 insufficient_quota"},
	{"openai", "500", "500 server_error"},
	{"openai", "503", "503 overloaded"},
	{"openai", "html", "502 with an HTML page"},
	{"openai", "model", "404 model_not_found"},
	{"openai", "context_length", "400 context_length_exceeded"},
	{"openai", "unsupported", "400: the endpoint does not support mcp tools"},
	{"openai", "numeric_code", "500 with a code that is a number"},
	{"openai", "error_string", "500 with an error that is a string"},
	{"openai", "placeholder", "a failed list is reported with 424 in place of the server's status"},
	{"openai", "should_retry", "a failed list is reported with the header x-should-retry: true"},
	{"openai", "azure", "a failed list is reported in Azure's format"},
	{"openai", "list_in_stream", "a failed list is reported in the stream, after a 200"},
	{"openai", "string_error", "mcp_call.error is a string, as before August 2026"},
	{"openai", "failed", "the response fails after the first call"},
	{"openai", "incomplete", "the response is incomplete after the first call"},
	{"openai", "stream_error", "an error event with a nested error, then response.failed, after the first call"},
	{"openai", "stream_flat_error", "an error event in the flat form, after the first call"},
	{"openai", "stream_cut", "the connection is closed after the first call"},
	{"openai", "background_cut", "the connection is closed after an event of a background response, which goes on"},
	{"openai", "stream_eof", "the stream ends after the first call, without a terminal event"},
}

// FaultNames returns the names that [World.Fault] accepts for this world.
func (w *World) FaultNames() []FaultName {
	var out []FaultName
	for _, k := range faultKinds {
		for _, part := range w.faults.parts(k.part) {
			out = append(out, FaultName{part + ":" + k.name, k.doc})
		}
	}
	return out
}

// Fault switches a fault on: "PART:NAME", where PART is a server's name, "mcp"
// for all servers, "auth" for both authorization servers, or "openai".
// "=DURATION" after it sets the delay of a slow part; "*N" at the end limits it
// to N requests. See [World.FaultNames]. An unknown name is an error.
func (w *World) Fault(spec string) error { return w.faults.set(spec) }

// Clear switches faults off: those with the given names, without "=DURATION"
// and "*N", or all of them if no name is given.
func (w *World) Clear(names ...string) { w.faults.clear(names) }

type fault struct {
	left  int // remaining requests; negative: no limit
	delay time.Duration
}

type faultSet struct {
	servers []string

	mu     sync.Mutex
	active map[string]*fault // guarded by mu, like the faults in it
}

func newFaultSet(servers []Server) *faultSet {
	f := &faultSet{active: map[string]*fault{}}
	for _, s := range servers {
		f.servers = append(f.servers, s.Name)
	}
	return f
}

// parts returns the parts that a kind of fault can be switched on for.
func (f *faultSet) parts(kind string) []string {
	if kind == "mcp" {
		return append([]string{"mcp"}, f.servers...)
	}
	return []string{kind}
}

func (f *faultSet) set(spec string) error {
	name, count, counted := strings.Cut(spec, "*")
	name, arg, hasArg := strings.Cut(name, "=")
	part, kind, _ := strings.Cut(name, ":")
	known := false
	for _, k := range faultKinds {
		known = known || k.name == kind && slices.Contains(f.parts(k.part), part)
	}
	if !known {
		return errtext.Errorf("lab: unknown fault %q", name)
	}
	one := &fault{left: -1}
	if counted {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 {
			return errtext.Errorf("lab: fault %q: after * comes how often it strikes", spec)
		}
		one.left = n
	}
	if hasArg != (kind == "slow") {
		return errtext.Errorf("lab: fault %q: slow, and only slow, says how late, as slow=200ms", spec)
	}
	if hasArg {
		d, err := time.ParseDuration(arg)
		if err != nil || d <= 0 {
			return errtext.Errorf("lab: fault %q: invalid duration %q", spec, arg)
		}
		one.delay = d
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active[name] = one
	return nil
}

func (f *faultSet) clear(names []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(names) == 0 {
		clear(f.active)
	}
	for _, n := range names {
		delete(f.active, n)
	}
}

// strikes reports whether the fault is active, and counts the request.
func (f *faultSet) strikes(part, kind string) bool {
	_, on := f.strike(part, kind)
	return on
}

func (f *faultSet) strike(part, kind string) (time.Duration, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := []string{part + ":" + kind}
	if slices.Contains(f.servers, part) {
		names = append(names, "mcp:"+kind)
	}
	for _, name := range names {
		one := f.active[name]
		if one == nil {
			continue
		}
		if one.left > 0 {
			one.left--
			if one.left == 0 {
				delete(f.active, name)
			}
		}
		return one.delay, true
	}
	return 0, false
}

// first returns the first active fault of the kinds, or "".
func (f *faultSet) first(part string, kinds ...string) string {
	for _, k := range kinds {
		if f.strikes(part, k) {
			return k
		}
	}
	return ""
}

// stall delays a request if the part is slow or hangs. It reports whether the
// client is still connected.
func (f *faultSet) stall(ctx context.Context, part string) bool {
	if f.strikes(part, "hang") {
		<-ctx.Done()
		return false
	}
	if d, on := f.strike(part, "slow"); on {
		return sleep.For(ctx, d) == nil
	}
	return true
}

// drop closes the connection without a response.
func drop() { panic(http.ErrAbortHandler) }

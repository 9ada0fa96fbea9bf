package oauth_test

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safehttp"
)

// A script responds to each request with the same bytes and, unlike a server in
// this process, allocates nothing. Its bodies have the client's usual limit.
type script struct {
	status  int
	body    []byte
	chunked bool // without Content-Length
}

func (s script) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
	}
	length := int64(len(s.body))
	if s.chunked {
		length = -1
	}
	return &http.Response{
		StatusCode: s.status, ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: length,
		Body: io.NopCloser(bytes.NewReader(s.body)),
	}, nil
}

// fill repeats pattern between prefix and suffix up to size.
func fill(size int, prefix, pattern, suffix string) []byte {
	n := (size - len(prefix) - len(suffix)) / len(pattern)
	return []byte(prefix + strings.Repeat(pattern, n) + suffix)
}

// hostile returns bodies that are expensive to parse as a token response.
func hostile(size int) map[string][]byte {
	return map[string][]byte{
		"one long token":       fill(size, `{"access_token":"`, "a", `"}`),
		"one long escape":      fill(size, `{"access_token":"`, `\u0061`, `"}`),
		"one long error":       fill(size, `{"error":"invalid_grant","error_description":"`, "a", `"}`),
		"many members":         fill(size, `{"access_token":"a"`, `,"b":1`, `}`),
		"a list of numbers":    fill(size, `{"access_token":"a","scope":[1`, `,1`, `]}`),
		"a list of scopes":     fill(size, `{"access_token":"a","scope":["a"`, `,"a"`, `]}`),
		"a text of scopes":     fill(size, `{"access_token":"a","scope":"`, `a `, `"}`),
		"scopes and a filler":  fill(size, `{"access_token":"a","scope":"`+strings.Repeat("a ", 32000)+`","x":"`, `a`, `"}`),
		"longest members":      fill(size, `{"access_token":"`+strings.Repeat("a", 64000)+`","refresh_token":"`+strings.Repeat("a", 64000)+`","x":"`, `a`, `"}`),
		"deep lists":           fill(size, `{"access_token":"a","x":`, `[`, ``),
		"deep objects":         fill(size, `{"access_token":"a","x":`, `{"":`, ``),
		"the same member":      fill(size, `{"access_token":"a"`, `,"access_token":"a"`, `}`),
		"escaped names":        fill(size, `{"access_token":"a"`, `,"\u0061":1`, `}`),
		"white space":          fill(size, `{"access_token":"a"`, ` `, `}`),
		"form":                 fill(size, ``, `a=b&`, ``),
		"form of tokens":       fill(size, `access_token=a`, `&access_token=a`, ``),
		"64 times the largest": fill(64*size, `{"access_token":"`, "a", `"}`),
	}
}

// allocated returns the bytes that f allocates, live or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	f() // exclude one-time allocations
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

const mostMemory = 2 << 20

func TestTokenResponsesCostAtMostTwoMebibytes(t *testing.T) { //nolint:paralleltest // measures the process
	for name, body := range hostile(1 << 20) {
		for _, s := range []script{{200, body, true}, {400, body, false}} {
			hc := &http.Client{Transport: s}
			r := request("https://as.example/token")
			r.FormAnswer = true
			cost := allocated(func() {
				_, _ = oauth.Refresh(t.Context(), hc, r)
			})
			assert.LessOrEqual(t, cost, uint64(mostMemory), "%s, status %d", name, s.status)
		}
	}
}

func TestOtherResponsesCostAtMostTwoMebibytes(t *testing.T) { //nolint:paralleltest // measures the process
	const size = 256 << 10
	head := `{"resource":"https://mcp.example","issuer":"https://as.example","client_id":"id","device_code":"d","user_code":"u",` +
		`"verification_uri":"https://as.example","token_endpoint":"https://as.example/token"`
	bodies := map[string][]byte{
		"valid with a filler": fill(size, head+`,"x":"`, "a", `"}`),
		"members":             fill(size, head, `,"b":1`, `}`),
		"issuers":             fill(size, head+`,"authorization_servers":["https://a.example"`, `,"https://a.example"`, `]}`),
		"different issuers":   fill(size, head+`,"authorization_servers":["https://a.example/`, `\u0061`, `"]}`),
		"scopes":              fill(size, head+`,"scopes_supported":["a"`, `,"a"`, `]}`),
		"methods":             fill(size, head+`,"code_challenge_methods_supported":["S256"`, `,""`, `]}`),
		"redirect URIs":       fill(size, head+`,"redirect_uris":["a"`, `,"a"`, `]}`),
		"a text of scopes":    fill(size, head+`,"scope":"`, `a `, `"}`),
		"a name":              fill(size, head+`,"resource_name":"`, `\u00e9`, `"}`),
		"a thousand scopes":   []byte(head + `,"scopes_supported":["a"` + strings.Repeat(`,"`+strings.Repeat("s", 200)+`"`, 999) + `]}`),
		"deep":                fill(size, head+`,"scopes_supported":`, `[`, ``),
		"too long":            fill(64*size, head+`,"x":"`, "a", `"}`),
	}
	m := webClient()
	for name, body := range bodies {
		hc := &http.Client{Transport: script{200, body, true}}
		for what, ask := range map[string]func(){
			"resource": func() {
				_, _ = oauth.FindResourceMetadata(t.Context(), hc, oauth.ResourceRequest{ServerURL: "https://mcp.example"})
			},
			"server": func() { _, _ = oauth.FindServer(t.Context(), hc, "https://as.example") },
			"registration": func() {
				_, _ = oauth.Register(t.Context(), hc, oauth.RegisterRequest{Endpoint: "https://as.example/r", Metadata: m})
			},
			"device": func() {
				_, _ = oauth.StartDevice(t.Context(), hc, oauth.DeviceRequest{Endpoint: "https://as.example/d", Client: appClient()})
			},
		} {
			assert.LessOrEqual(t, allocated(ask), uint64(mostMemory), "%s, %s", what, name)
		}
	}
}

func TestEndlessResponseIsCutOff(t *testing.T) {
	t.Parallel()
	answer, err := refresh(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"access_token":"`))
		chunk := bytes.Repeat([]byte("a"), 64<<10)
		for range 1024 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	assert.Nil(t, answer)
	assert.ErrorIs(t, err, safehttp.ErrTooLarge)
}

package mcpprobe

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

const (
	maxAnswer    = 256 << 10 // of any response but a list
	maxList      = 1 << 20   // of a list, and of an event stream with all responses
	maxErrorBody = 64 << 10  // of a response with an error status, which is read at once
	maxRead      = 4 << 20   // of all responses to one probe
	maxRequests  = 64        // of one probe: a server can cause more with requests of its own
	endTimeout   = time.Second
)

// quiet is mcp-go's logger: its log lines may contain a server's text.
var quiet = slog.New(slog.DiscardHandler)

var (
	errTooLong   = errors.New("mcpprobe: the response is too long")
	errTooMany   = errors.New("mcpprobe: the server causes too many requests")
	errOtherHost = errors.New("mcpprobe: the server names another host")
	errRejected  = errors.New("mcpprobe: the server requires a token")
)

// An exchange is one HTTP request and its response.
type exchange struct {
	verb      string // HTTP method
	method    string // JSON-RPC method of the request; "" without one
	status    int    // 0: no response
	mediaType string
	challenge challenge
	rpcCode   int    // JSON-RPC error code in the body of an error status
	text      string // of the server, in the body of an error status
	err       error
}

// A budget limits one probe over all its connections.
type budget struct {
	read, requests atomic.Int64 // that are left
}

func newBudget() *budget {
	b := new(budget)
	b.read.Store(maxRead)
	b.requests.Store(maxRequests)
	return b
}

// A recorder is a RoundTripper that adds the headers, limits the responses and
// records them. Safe for concurrent use.
type recorder struct {
	base   http.RoundTripper
	header http.Header
	host   string // the only allowed host
	scheme string
	done   <-chan struct{} // closed when the probe is over
	left   *budget         // of the whole probe
	plain  bool            // no token is sent: one rejection is the answer

	mu   sync.Mutex
	seen []*exchange // guarded by mu, like the exchanges
}

func newRecorder(base http.RoundTripper, header http.Header, u *url.URL, done <-chan struct{}, left *budget) *recorder {
	if base == nil {
		base = http.DefaultTransport
	}
	return &recorder{base: base, header: header, host: u.Host, scheme: u.Scheme, done: done, left: left}
}

// guarded returns a client that sends through rec and follows no redirect.
func guarded(hc *http.Client, rec *recorder) *http.Client {
	return &http.Client{
		Transport:     rec,
		Timeout:       hc.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip implements [http.RoundTripper].
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != r.host || req.URL.Scheme != r.scheme {
		r.note(func() { r.seen = append(r.seen, &exchange{verb: req.Method, err: errOtherHost}) })
		return nil, errOtherHost
	}
	if r.plain && r.rejected() {
		return nil, errRejected
	}
	if r.left.requests.Add(-1) < 0 {
		r.note(func() {
			if n := len(r.seen); n == 0 || !errors.Is(r.seen[n-1].err, errTooMany) {
				r.seen = append(r.seen, &exchange{verb: req.Method, err: errTooMany})
			}
		})
		return nil, errTooMany
	}
	req = req.Clone(req.Context())
	req.Header.Set("Accept-Encoding", "identity") // otherwise a transport may decompress responses
	for name, values := range r.header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	if req.Method == http.MethodDelete {
		return r.end(req)
	}
	x := &exchange{verb: req.Method, method: rpcMethod(req)}
	r.note(func() { r.seen = append(r.seen, x) })

	resp, err := r.base.RoundTrip(req)
	if err != nil {
		r.note(func() { x.err = err })
		return nil, err
	}
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	ch := challengeIn(resp.Header)
	code, text := 0, ""
	if resp.StatusCode >= 400 {
		// mcp-go does not read the body of every rejection.
		body, _ := io.ReadAll(io.LimitReader(resp.Body, min(maxErrorBody, max(r.left.read.Load(), 0))))
		r.left.read.Add(-int64(len(body)))
		_ = resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(body))
		code, text, ch = readErrorBody(body, mediaType, ch)
	}
	r.note(func() {
		x.status, x.mediaType, x.challenge, x.rpcCode, x.text = resp.StatusCode, mediaType, ch, code, text
	})
	limit := int64(maxAnswer)
	if x.method == string(mcp.MethodToolsList) || x.verb == http.MethodGet {
		limit = maxList
	}
	resp.Body = &capped{ReadCloser: resp.Body, left: limit, all: r.left, failed: func(err error) { r.note(func() { x.err = err }) }}
	return resp, nil
}

// note runs change under the lock.
func (r *recorder) note(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// readErrorBody parses the body of an error status: the code of a JSON-RPC
// error, an OAuth error if there is no challenge, and the server's sentence.
func readErrorBody(body []byte, mediaType string, ch challenge) (rpcCode int, text string, _ challenge) {
	var msg struct {
		Error       json.RawMessage `json:"error"`
		Description string          `json:"error_description"`
		Scope       string          `json:"scope"`
		Message     string          `json:"message"`
		Detail      json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(body, &msg) != nil {
		if mediaType == "text/plain" {
			text = string(body[:min(len(body), 8*maxText)])
		}
		return 0, text, ch
	}
	var rpc struct {
		Code    json.RawMessage `json:"code"`
		Message string          `json:"message"`
	}
	var code, detail string
	_ = json.Unmarshal(msg.Detail, &detail)
	text = cmp.Or(msg.Description, msg.Message, detail)
	switch {
	case json.Unmarshal(msg.Error, &rpc) == nil:
		_ = json.Unmarshal(rpc.Code, &rpcCode)
		return rpcCode, cmp.Or(rpc.Message, text), ch
	case json.Unmarshal(msg.Error, &code) == nil && ch.code == "":
		return 0, text, challenge{code: code, description: msg.Description, scope: msg.Scope}
	}
	return 0, text, ch
}

// end sends the DELETE that ends a session, with a short timeout. It does not
// send it once the probe is over.
func (r *recorder) end(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), endTimeout)
	defer cancel()
	go func() {
		select {
		case <-r.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	resp, err := r.base.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	resp.Body = http.NoBody
	return resp, nil
}

// deciding returns the exchange that decides the verdict: the last one, but a
// server/discover only if nothing followed it.
func (r *recorder) deciding() exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seen) == 0 {
		return exchange{}
	}
	return *r.seen[len(r.seen)-1]
}

// rejected reports whether the server has rejected a request.
func (r *recorder) rejected() bool {
	x := r.deciding()
	return x.status == http.StatusUnauthorized || x.status == http.StatusForbidden
}

// sawStream reports whether the response to a GET was an event stream.
func (r *recorder) sawStream() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.seen {
		if x.verb == http.MethodGet && x.status == http.StatusOK && x.mediaType == "text/event-stream" {
			return true
		}
	}
	return false
}

// rpcMethod returns the JSON-RPC method of a request.
func rpcMethod(req *http.Request) string {
	if req.GetBody == nil {
		return ""
	}
	body, err := req.GetBody()
	if err != nil {
		return ""
	}
	defer func() { _ = body.Close() }()
	var msg struct {
		Method string `json:"method"`
	}
	_ = json.NewDecoder(body).Decode(&msg)
	return msg.Method
}

// capped is a body that returns an error after a number of bytes, or when the
// budget of the probe is used up.
type capped struct {
	io.ReadCloser
	left   int64
	all    *budget
	failed func(error)
}

func (c *capped) Read(p []byte) (int, error) {
	// Take the bytes from the budget first: several bodies may be read at once.
	want := min(int64(len(p)), c.left)
	if rest := c.all.read.Add(-want); rest < 0 {
		given := max(want+rest, 0)
		c.all.read.Add(want - given)
		want = given
	}
	if want <= 0 {
		c.failed(errTooLong)
		return 0, errTooLong
	}
	n, err := c.ReadCloser.Read(p[:want])
	c.all.read.Add(want - int64(n))
	c.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.failed(err)
	}
	return n, err
}

// watched is a transport that records whether tools/list succeeded, and the
// code of the last JSON-RPC error, which mcp-go's errors do not always keep.
type watched struct {
	transport.HTTPConnection
	lists int
	tools []json.RawMessage // of all pages
	code  int
	text  string // its message

	version string // of the protocol, in the answer to initialize
}

// SendRequest implements [transport.Interface].
func (w *watched) SendRequest(ctx context.Context, req transport.JSONRPCRequest) (*transport.JSONRPCResponse, error) {
	resp, err := w.HTTPConnection.SendRequest(ctx, req)
	w.code, w.text = 0, ""
	switch {
	case err != nil || resp == nil:
	case resp.Error != nil:
		w.code, w.text = resp.Error.Code, resp.Error.Message
	default:
		switch req.Method {
		case string(mcp.MethodToolsList):
			if isObject(resp.Result) {
				w.lists++
				w.tools = append(w.tools, toolsIn(resp.Result)...)
			}
		case string(mcp.MethodInitialize):
			var answer mcp.InitializeResult
			_ = json.Unmarshal(resp.Result, &answer)
			w.version = answer.ProtocolVersion
		}
	}
	return resp, err
}

func isObject(raw json.RawMessage) bool {
	return bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{"))
}

package oauth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/internal/secret"
)

const (
	maxTokenBody = 1 << 20
	userAgent    = "toolgrant"
)

// An answer is the response to one request.
type answer struct {
	status  int
	header  http.Header
	body    []byte // the part that could be read
	bodyErr error  // why body is incomplete, or nil
	start   time.Time
}

// A formPost is one POST of a form to an endpoint of an authorization server.
type formPost struct {
	op       string
	endpoint string
	form     url.Values
	client   *Client         // nil: no client authentication
	sent     []secret.Secret // besides the client's; redacted in the response
	refused  []string        // codes equivalent to invalid_grant
}

func (p formPost) secrets() []secret.Secret {
	if p.client == nil {
		return p.sent
	}
	return append([]secret.Secret{p.client.Secret}, p.sent...)
}

func (p formPost) failed(class Class, err error) *Error {
	return &Error{Op: p.op, Class: class, Err: err}
}

// send sends the form once. Without a response the error is an [*Error] whose
// class says whether any byte may have been sent.
func (p formPost) send(ctx context.Context, hc *http.Client) (*answer, error) {
	if err := checkEndpoint(p.endpoint); err != nil {
		return nil, p.failed(ClassConfig, err)
	}
	header := http.Header{
		"Accept":       {"application/json"},
		"Content-Type": {"application/x-www-form-urlencoded"},
		"User-Agent":   {userAgent},
	}
	if p.client != nil {
		if err := p.client.authenticate(header, p.form); err != nil {
			return nil, p.failed(ClassClient, err)
		}
	}
	return sendOnce(ctx, hc, p.op, http.MethodPost, p.endpoint, header, p.form.Encode(), maxTokenBody)
}

// sendOnce sends one request and reads its response.
func sendOnce(ctx context.Context, hc *http.Client, op, method, target string, header http.Header, content string, limit int) (*answer, error) {
	// net/http can't send such a body again (it has no GetBody): not after a
	// redirect and not on a lost connection.
	body := &onceBody{r: strings.NewReader(content)}
	var sent io.Reader // nil for a GET
	if content != "" {
		sent = body
	}
	req, err := http.NewRequestWithContext(ctx, method, target, sent)
	if err != nil {
		return nil, &Error{Op: op, Class: ClassConfig, Err: errEndpoint} // the text of err contains the URL
	}
	req.Header = header
	req.ContentLength = int64(len(content))

	start := time.Now().Round(0) // wall clock: the machine may suspend
	resp, err := hc.Do(req)
	if err != nil {
		failed := &Error{Op: op, Class: ClassNotConsumed, Err: safehttp.Cause(err)}
		if body.stop() {
			failed.Class = ClassUnknown
		}
		if resp != nil { // a rejected redirect
			failed.Status = resp.StatusCode
			_ = resp.Body.Close()
		}
		return nil, failed
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return nil, &Error{Op: op, Class: ClassUnknown, Status: resp.StatusCode, Err: safehttp.ErrRedirect}
	}
	a := &answer{status: resp.StatusCode, header: resp.Header, start: start}
	a.body, a.bodyErr = readBody(resp, limit)
	return a, nil
}

// failure returns the [*Error] for a response that is not a success. Code and
// description come from o, if it is an OAuth error; o may be nil.
func (p formPost) failure(a *answer, o object, cause error) *Error {
	e := &Error{Op: p.op, Status: a.status, RetryAfter: retryAfter(a.header), Err: cause}
	sent := p.secrets()
	if code := o.code(); !containsSecret(code, sent...) {
		e.Code = code
	}
	if e.Code != "" {
		text, _ := o.text("error_description", maxText)
		e.Description = oneLine(text, maxDescription, sent...)
	}
	e.Class = classify(a.status, e.Code, p.refused)
	return e
}

// A onceBody is a request body that records whether any part of it was read,
// and that returns nothing after stop. The callbacks of httptrace can't do
// that: they run concurrently with the request, so a write may follow right
// after a check.
type onceBody struct {
	mu      sync.Mutex
	r       io.Reader // guarded by mu
	taken   bool      // guarded by mu
	stopped bool      // guarded by mu
}

var errStopped = errors.New("the request was abandoned")

func (b *onceBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return 0, errStopped
	}
	b.taken = true
	return b.r.Read(p)
}

// Close implements [io.Closer]: net/http closes bodies.
func (b *onceBody) Close() error { return nil }

// stop reports whether any byte may have been sent, and prevents further reads.
func (b *onceBody) stop() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	return b.taken
}

// readBody reads at most limit bytes. Its buffer grows fourfold, so that all
// buffers together are at most a third larger than the largest response.
func readBody(resp *http.Response, limit int) ([]byte, error) {
	size := 4 << 10
	if n := resp.ContentLength; n >= 0 && n <= int64(limit) {
		size = int(n) + 1 // one more, to detect the end
	}
	buf := make([]byte, 0, size)
	for {
		n, err := resp.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > limit:
			return buf[:limit], safehttp.ErrTooLarge
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return buf, safehttp.Cause(err)
		case len(buf) == cap(buf):
			size = 4 * cap(buf)
			if size >= limit {
				size = limit + 1
			}
			grown := make([]byte, len(buf), size)
			copy(grown, buf)
			buf = grown
		}
	}
}

var errEndpoint = errors.New("the endpoint must be an absolute URL without user name and fragment")

// checkEndpoint checks the syntax of an endpoint's URL. The HTTP client decides
// which hosts and schemes are allowed.
func checkEndpoint(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || strings.Contains(raw, "#") ||
		u.Scheme != "https" && u.Scheme != "http" || len(raw) > maxURL {
		return errEndpoint
	}
	return nil
}

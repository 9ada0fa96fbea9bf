package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/openai/openai-go/v3/option"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/redact"
	"github.com/toolgrant/toolgrant/internal/secret"
)

// maxRecorded bounds what is recorded of a response. The rest is left out, as if
// the connection had broken.
const maxRecorded = 8 << 20

// Record returns a middleware that writes each exchange of a client to w, as a
// recording of that name for [ReplayFile]:
//
//	client := openai.NewClient(option.WithMiddleware(lab.Record(file, "overdue")))
//
// It records method, path and status of an exchange, a few headers of the response
// and its body. It records nothing of the request's header and body, and removes the
// API key, and the authorization and headers of mcp tools, from the response. Texts,
// arguments and outputs of tools are recorded as they are: use test data.
//
// An exchange is written when its response was read or closed. The middleware is
// safe for concurrent use; an error of w is that of the response's Close.
func Record(w io.Writer, name string) option.Middleware {
	r := &recording{w: w, name: strings.Join(strings.Fields(name), "-")}
	return r.middleware
}

// A recording is a recording that is being written.
type recording struct {
	w    io.Writer
	name string

	mu    sync.Mutex
	begun bool // guarded by mu, like the writes to w
}

func (r *recording) middleware(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	credentials := http.Header{}
	for _, name := range []string{"Authorization", "Api-Key", "Cookie"} {
		credentials[name] = req.Header[name]
	}
	secrets := redact.Header(credentials)
	if req.GetBody != nil {
		if body, err := req.GetBody(); err == nil {
			sent, err := io.ReadAll(io.LimitReader(body, maxRequestBody))
			if err = errorOf(err, body.Close()); err != nil {
				return nil, err
			}
			secrets = append(secrets, secretsIn(sent)...)
		}
	}
	method, path := req.Method, recordedPath(req)
	res, err := next(req)
	if err != nil {
		return res, errorOf(err, r.write(method, path, &exchange{}))
	}
	res.Body = &recordedBody{body: res.Body, done: func(body string, cut bool) error {
		return r.write(method, path, &exchange{
			status: res.StatusCode, header: recordedHead(res.Header), body: redactBody(res.Header.Get("Content-Type"), body, redact.New(secrets...)), cut: cut,
		})
	}}
	return res, nil
}

// jsonString is a string of JSON.
var jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// redactBody removes secrets from a body, of which JSON stays JSON.
func redactBody(contentType, body string, r *redact.Redactor) string {
	if !strings.Contains(contentType, "json") && !strings.HasPrefix(contentType, "text/event-stream") {
		return r.Redact(body)
	}
	var clean strings.Builder
	end := 0
	for _, at := range jsonString.FindAllStringIndex(body, -1) {
		quoted, text := body[at[0]:at[1]], ""
		if json.Unmarshal([]byte(quoted), &text) == nil && r.Holds(text) {
			if again, err := json.Marshal(r.Redact(text)); err == nil {
				quoted = string(again)
			}
		}
		clean.WriteString(body[end:at[0]] + quoted)
		end = at[1]
	}
	return clean.String() + r.Redact(body[end:]) // a string that was cut off
}

// recordedPath returns the path of a request below the version of the API.
func recordedPath(req *http.Request) string {
	if i := strings.LastIndex(req.URL.Path, "/v1/"); i >= 0 {
		return req.URL.Path[i+len("/v1"):]
	}
	return req.URL.Path
}

// recordedHeaders are the headers of a response that a client acts upon.
var recordedHeaders = []string{"Content-Type", "Retry-After", "Retry-After-Ms", "X-Should-Retry"}

func recordedHead(h http.Header) []string {
	var lines []string
	for _, name := range recordedHeaders {
		if value := h.Get(name); value != "" {
			lines = append(lines, name+": "+value)
		}
	}
	return lines
}

// write writes an exchange, after the name of the recording if it is the first.
func (r *recording) write(method, path string, x *exchange) error {
	var text strings.Builder
	fmt.Fprintf(&text, "> %s /v1%s\n< %d\n", method, path, x.status)
	for _, line := range x.header {
		text.WriteString("< " + line + "\n")
	}
	if x.cut {
		text.WriteString("< " + cutMark + "\n")
	}
	text.WriteString("\n")
	for line := range strings.Lines(x.body) {
		if strings.HasPrefix(line, "### ") || strings.HasPrefix(line, "> ") {
			text.WriteString(" ") // it would begin a recording or an exchange
		}
		text.WriteString(line)
	}
	text.WriteString("\n")
	r.mu.Lock()
	defer r.mu.Unlock()
	head := ""
	if !r.begun {
		head = "### " + r.name + "\n"
	}
	if _, err := io.WriteString(r.w, head+text.String()); err != nil {
		return errtext.Errorf("lab: record: %w", err)
	}
	r.begun = true
	return nil
}

// A recordedBody is a response body that is recorded while it is read.
type recordedBody struct {
	body io.ReadCloser
	done func(body string, cut bool) error

	text  bytes.Buffer
	cut   bool
	ended bool
	err   error // of done
}

// Read implements [io.Reader].
func (b *recordedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	fits := min(n, maxRecorded-b.text.Len())
	b.text.Write(p[:fits])
	b.cut = b.cut || fits < n || err != nil && err != io.EOF
	if err != nil {
		b.end()
	}
	return n, err
}

// Close implements [io.Closer].
func (b *recordedBody) Close() error {
	err := b.body.Close()
	b.end()
	return errorOf(err, b.err)
}

func (b *recordedBody) end() {
	if !b.ended {
		b.ended = true
		b.err = b.done(b.text.String(), b.cut)
	}
}

// secretsIn returns the credentials of a request's mcp tools.
func secretsIn(body []byte) []secret.Secret {
	var all []secret.Secret
	for _, t := range sentTools(body) {
		if t.Authorization != "" {
			all = append(all, secret.New(t.Authorization))
		}
		header := http.Header{}
		for name, value := range t.Headers {
			header.Add(name, value)
		}
		all = append(all, redact.Header(header)...)
	}
	return all
}

package lab

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// An openAI is the Responses endpoint. It handles an mcp entry as OpenAI does,
// as far as that is documented or was recorded.
type openAI struct {
	w       *World
	key     string
	script  *Script
	timeout time.Duration // for an MCP server
	id      string        // of the platform whose dialect it speaks
	dialect *dialect
	running sync.WaitGroup // background responses

	mu        sync.Mutex
	responses map[string]*storedResponse // guarded by mu, like seen and order
	order     []string
	seen      []ModelRequest
}

// A storedResponse is a response with the conversation up to its end.
type storedResponse struct {
	body    map[string]any
	context []item

	background *backgroundRun // nil: it was made within its request
}

const (
	maxRequestBody = 8 << 20
	maxStored      = 10_000
	maxSeen        = 10_000
)

func newOpenAI(w *World, o Options) *openAI {
	id := cmp.Or(o.Platform, "openai")
	return &openAI{
		w: w, key: "sk-lab-" + hexText(16), script: o.Script, timeout: o.CallTimeout, id: id, dialect: dialects[id], responses: map[string]*storedResponse{},
	}
}

func (o *openAI) routes(mux *http.ServeMux) {
	handle := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, o.w.part("openai", h)) }
	handle("POST /v1/responses", o.serveCreate)
	handle("GET /v1/responses/{id}", o.serveGet)
	handle("POST /v1/responses/{id}/cancel", o.serveCancel)
}

// A ModelRequest is a request to the Responses endpoint. The values of
// authorization and of an Authorization header are not kept.
type ModelRequest struct {
	At      time.Time       // when it arrived, by the clock of the world
	Body    json.RawMessage // the request, redacted
	Entries []EntrySeen     // its mcp tools, in their order
	Status  int             // of the response; 0: it was cut off or is not complete
	Retry   int             // earlier attempts, as the client reports them
}

// An EntrySeen is one mcp tool of a request.
type EntrySeen struct {
	Label     string // server_label
	ServerURL string // server_url
	Token     string // the first 8 hexadecimal digits of the SHA-256 of its bearer token; "" without one
	In        string // "authorization", "headers", or ""
	Active    bool   // the token was valid at that moment, for any server
}

// ModelRequests returns the latest 10,000 requests to the Responses endpoint,
// oldest first.
func (w *World) ModelRequests() []ModelRequest {
	w.model.mu.Lock()
	defer w.model.mu.Unlock()
	return append([]ModelRequest(nil), w.model.seen...)
}

// SetScript replaces the model's script. Nil restores the default. It returns an
// error for a script that [ParseScript] refuses.
func (w *World) SetScript(s *Script) error {
	if s != nil {
		if err := s.check(); err != nil {
			return err
		}
	}
	w.model.mu.Lock()
	defer w.model.mu.Unlock()
	w.model.script = s
	return nil
}

// remember keeps a request and returns the function that records its status.
func (o *openAI) remember(r *http.Request, body []byte) func(status int) {
	m := ModelRequest{At: o.w.now(), Body: redactRequest(body), Entries: entriesIn(body, o.w.Active)}
	if n := r.Header.Get("X-Stainless-Retry-Count"); n != "" {
		_ = json.Unmarshal([]byte(n), &m.Retry) // only openai-go sends it
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.seen) >= maxSeen {
		o.seen = append([]ModelRequest(nil), o.seen[1:]...)
	}
	o.seen = append(o.seen, m)
	at := len(o.seen) - 1
	return func(status int) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if at < len(o.seen) {
			o.seen[at].Status = status
		}
	}
}

// serveCreate is POST /v1/responses.
func (o *openAI) serveCreate(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequestBody))
	if err != nil {
		drop()
	}
	told := o.remember(r, body)
	rw = &statusWriter{ResponseWriter: rw, told: told}
	rw.Header().Set("X-Request-Id", "req_"+hexText(16))
	if !o.platformFaults(rw, r) {
		return
	}
	if refused := o.checkKey(r); refused != nil {
		o.fail(rw, refused)
		return
	}
	run, refused := o.newRun(r, body)
	if refused != nil {
		o.fail(rw, refused)
		return
	}
	run.serve(r.Context(), rw)
}

func (o *openAI) checkKey(r *http.Request) *apiError {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !ok:
		return &apiError{
			status: http.StatusUnauthorized, kind: "invalid_request_error",
			message: "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth.",
		}
	case key != o.key:
		return errBadKey()
	}
	return nil
}

func (o *openAI) stored(id string) *storedResponse {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.responses[id]
}

func (o *openAI) store(id string, s *storedResponse) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.responses[id] == nil {
		o.order = append(o.order, id)
	}
	o.responses[id] = s
	if len(o.order) > maxStored {
		delete(o.responses, o.order[0])
		o.order = o.order[1:]
	}
}

func (o *openAI) currentScript() *Script {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.script
}

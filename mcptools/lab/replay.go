package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/openai/openai-go/v3/option"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// A Player answers requests to OpenAI's API from recordings, without a network. It
// is an [http.RoundTripper] and safe for concurrent use.
type Player struct {
	names []string

	mu     sync.Mutex
	queue  []*played // guarded by mu, like all below
	seen   []ModelRequest
	fields fields
}

// A played is an exchange of a player.
type played struct {
	exchange
	done bool
}

// Replay returns a player of recordings, which [Recordings] lists, one after the
// other:
//
//	client := openai.NewClient(lab.Replay("424-unauthorized", "mcp-call").Options()...)
//
// Each request gets the next exchange of its method and path. When all of them were
// played, the last one is repeated. A response is played as a stream if the request
// asks for one. Failures, items and events are about the first mcp tool of the
// request: they have its server_label, its server_url and its first allowed tool.
//
// Replay panics if there is no recording of a name: that is a mistake in the test.
func Replay(names ...string) *Player {
	if len(names) == 0 {
		panic("lab: Replay needs the name of a recording: see Recordings")
	}
	found, err := findRecordings(ours(), names)
	if err != nil {
		panic(err.Error())
	}
	return newPlayer(found)
}

// ReplayFile is like [Replay] with the recordings of a file, which [Record] writes.
// Without names it plays all of them, in their order. It returns an error if the
// file can't be read, or lacks one of the names.
func ReplayFile(file string, names ...string) (*Player, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, errtext.Errorf("lab: %w", err)
	}
	all, err := parseRecordings(string(data))
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errtext.Errorf("lab: %s has no recordings", file)
	}
	found, err := findRecordings(all, names)
	if err != nil {
		return nil, err
	}
	return newPlayer(found), nil
}

func newPlayer(recordings []Recording) *Player {
	p := &Player{fields: defaultFields()}
	for _, r := range recordings {
		p.names = append(p.names, r.Name)
		for _, x := range r.exchanges {
			p.queue = append(p.queue, &played{exchange: x})
		}
	}
	return p
}

// Options returns the options for openai.NewClient: the player as the client's
// transport, OpenAI's base URL, and an API key that is worth nothing. Options after
// them, such as another base URL, win.
func (p *Player) Options() []option.RequestOption {
	return []option.RequestOption{
		option.WithBaseURL("https://api.openai.com/v1"),
		option.WithAPIKey("sk-replay"),
		option.WithHTTPClient(&http.Client{Transport: p}),
	}
}

// ModelRequests returns the requests for a response so far, oldest first, as
// [World.ModelRequests] does. EntrySeen.Active is false.
func (p *Player) ModelRequests() []ModelRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.seen)
}

// Left returns the number of exchanges that were not played yet. A test that
// expects all of them asserts that it is 0.
func (p *Player) Left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, x := range p.queue {
		if !x.done {
			n++
		}
	}
	return n
}

// Events returns the events of the recordings as JSON, of streams and of Realtime
// sessions, for code that reads events from another source than openai-go, such as
// a WebSocket.
func (p *Player) Events() []json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []json.RawMessage
	for _, x := range p.queue {
		switch text := p.fields.fill(x.body); {
		case x.isStream():
			all = append(all, eventsIn(text)...)
		case x.path == realtimePath:
			for line := range strings.Lines(text) {
				if line = strings.TrimSpace(line); line != "" {
					all = append(all, json.RawMessage(line))
				}
			}
		case isResponse(text):
			all = append(all, eventsIn(asStream(text))...)
		}
	}
	return all
}

// realtimePath is the path of a Realtime session in a recording. Its body has an
// event on each line.
const realtimePath = "/realtime"

// RoundTrip implements [http.RoundTripper].
func (p *Player) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(io.LimitReader(req.Body, maxRequestBody))
		if err = errorOf(err, req.Body.Close()); err != nil {
			return nil, err
		}
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	x, text, err := p.next(req, body)
	if err != nil {
		return nil, err
	}
	if x.status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	header := x.head()
	streams := x.isStream()
	switch asked := asksForStream(req, body); {
	case x.path == realtimePath:
		return nil, errtext.New("lab: a recording of Realtime has no HTTP response: use Player.Events")
	case asked && !streams && isResponse(text):
		text, streams = asStream(text), true
		header.Set("Content-Type", "text/event-stream; charset=utf-8")
	case !asked && streams:
		if text = lastResponse(text); text == "" {
			return nil, errtext.New("lab: the recording is a stream without a result: ask for a stream")
		}
		streams = false
		header.Set("Content-Type", "application/json")
	}
	if after, ok := startingAfter(req); ok && streams {
		text = eventsAfter(text, after)
	}
	var r io.Reader = strings.NewReader(text)
	if x.cut {
		r = io.MultiReader(r, broken{})
	}
	return &http.Response{
		Status: strconv.Itoa(x.status) + " " + http.StatusText(x.status), StatusCode: x.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1,
		Header: header, Body: io.NopCloser(untilDone{req.Context(), r}), Request: req,
	}, nil
}

// next returns the exchange for a request and its text, and remembers the request.
func (p *Player) next(req *http.Request, body []byte) (exchange, string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var now *played
	for _, x := range p.queue {
		if x.answers(req) && (!x.done || now == nil || now.done) {
			now = x
			if !x.done {
				break
			}
		}
	}
	if now == nil {
		return exchange{}, "", errtext.Errorf("lab: none of the recordings %s answers %s %s", strings.Join(p.names, ", "), req.Method, req.URL.Path)
	}
	now.done = true
	if req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/responses") {
		seen := ModelRequest{At: time.Now(), Body: redactRequest(body), Entries: entriesIn(body, func(string) bool { return false }), Status: now.status}
		if n, err := strconv.Atoi(req.Header.Get("X-Stainless-Retry-Count")); err == nil {
			seen.Retry = n
		}
		p.seen = append(p.seen, seen)
		p.fields = fieldsOf(body)
	}
	return now.exchange, p.fields.fill(now.body), nil
}

// answers reports whether an exchange is one of a request's method and path.
func (x *played) answers(req *http.Request) bool {
	return x.method == req.Method && strings.HasSuffix(req.URL.Path, x.path)
}

// errorOf returns the first error.
func errorOf(errs ...error) error {
	i := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if i < 0 {
		return nil
	}
	return errs[i]
}

// broken is a connection that breaks.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// untilDone is a body that ends with the request's context.
type untilDone struct {
	ctx context.Context //nolint:containedctx // a response body belongs to one request
	io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Reader.Read(p)
}

// fields replace the placeholders of recordings.
type fields map[string]string

func defaultFields() fields {
	return fields{"label": "crm", "url": "https://mcp.example.com/mcp", "tool": "search", "model": "gpt-5"}
}

// fieldsOf returns the fields for a request.
func fieldsOf(body []byte) fields {
	var req struct {
		Model string `json:"model"`
	}
	_ = json.Unmarshal(body, &req) // as far as it is readable
	f := defaultFields()
	set := func(name, value string) {
		if value != "" {
			f[name] = value
		}
	}
	set("model", req.Model)
	tools := sentTools(body)
	if len(tools) == 0 {
		return f
	}
	t := tools[0]
	set("label", t.ServerLabel)
	set("url", t.ServerURL)
	var names []string
	if json.Unmarshal(t.AllowedTools, &names) != nil {
		var filter struct {
			ToolNames []string `json:"tool_names"`
		}
		_ = json.Unmarshal(t.AllowedTools, &filter) // as far as it is readable
		names = filter.ToolNames
	}
	if len(names) > 0 {
		set("tool", names[0])
	}
	return f
}

// fill replaces {{label}} and the like, escaped for JSON.
func (f fields) fill(text string) string {
	var pairs []string
	for name, value := range f {
		quoted, err := json.Marshal(value)
		if err != nil {
			continue
		}
		pairs = append(pairs, "{{"+name+"}}", string(bytes.Trim(quoted, `"`)))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

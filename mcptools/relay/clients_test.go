package relay_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	mcpgo "github.com/mark3labs/mcp-go/mcp"
	gosdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/servertest"
)

// A view is what a client saw in its conversation with a server, whose tools are
// those of [toolNames].
type view struct {
	Progress []float64 `json:"progress"` // of "work", which goes on after the first
	Result   string    `json:"result"`   // of "work"
	Left     string    `json:"left"`     // of "work" that the client cancels
	Canceled string    `json:"canceled"` // the server's word about that
	Grown    bool      `json:"grown"`    // the list of tools has a new one, after the server's notification
	Sampled  string    `json:"sampled"`  // the client's text, or "refused"
	Resumed  string    `json:"resumed"`  // of "work" whose connection is cut
	Calls    string    `json:"calls"`    // of "work" that reached the server
	Error    string    `json:"error"`    // of the conversation
}

// A front is the HTTP server that a client talks to. It can be cut.
type front struct {
	*httptest.Server
	control   *httptest.Server // for clients in other processes
	listening chan bool        // gets true when a client has opened its GET stream
	resumed   atomic.Int64     // requests with Last-Event-ID

	mu      sync.Mutex
	running context.Context // ends when the open streams are cut
	end     context.CancelFunc
}

func newFront(t *testing.T, h http.Handler) *front {
	t.Helper()
	f := &front{listening: make(chan bool, 10)}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Last-Event-Id") != "" {
			f.resumed.Add(1)
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		o := &opening{ResponseWriter: w, front: f, get: r.Method == http.MethodGet, cancel: cancel}
		h.ServeHTTP(o, r.WithContext(ctx))
		if o.running != nil && o.running.Err() != nil {
			panic(http.ErrAbortHandler)
		}
	}))
	f.running, f.end = context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(f.Close)
	control := http.NewServeMux()
	control.HandleFunc("/listening", func(http.ResponseWriter, *http.Request) { <-f.listening })
	control.HandleFunc("/cut", func(http.ResponseWriter, *http.Request) { f.cut() })
	f.control = httptest.NewServer(control)
	t.Cleanup(f.control.Close)
	return f
}

// cut breaks off the open streams. Other connections stay, since clients need not
// notice in time that an idle one was closed.
func (f *front) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end()
	f.running, f.end = context.WithCancel(context.WithoutCancel(f.running))
}

// An opening is a response that may become a stream.
type opening struct {
	http.ResponseWriter
	front   *front
	get     bool
	cancel  context.CancelFunc
	running context.Context // the front's
}

func (o *opening) WriteHeader(status int) {
	if strings.HasPrefix(o.Header().Get("Content-Type"), "text/event-stream") {
		o.front.mu.Lock()
		o.running = o.front.running
		o.front.mu.Unlock()
		context.AfterFunc(o.running, o.cancel)
	}
	o.ResponseWriter.WriteHeader(status)
	if o.get && o.running != nil {
		select {
		case o.front.listening <- true:
		default:
		}
	}
}

func (o *opening) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// An endpoint is where a client connects to.
type endpoint struct {
	url, ticket string
	front       *front
	cancels     bool // the client and the server have the same way to cancel a call
	resumes     bool // the server goes on with a call whose connection breaks
}

// A goClient is a client of one of the Go libraries.
type goClient struct {
	progress chan float64
	changed  chan bool
	call     func(ctx context.Context, tool string) (string, error)
	tools    func(ctx context.Context) ([]string, error)
	close    func() error
}

const (
	sampledText = "sampled"
	mcpGo       = "mcp-go"
)

// silent is the log of servers whose connections are cut.
var silent = log.New(io.Discard, "", 0)

func newGoClient() *goClient {
	return &goClient{progress: make(chan float64, 10), changed: make(chan bool, 10)}
}

func dialGoSDK(t *testing.T, to endpoint) *goClient {
	t.Helper()
	g := newGoClient()
	c := gosdk.NewClient(&gosdk.Implementation{Name: "go-sdk", Version: "1"}, &gosdk.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, r *gosdk.ProgressNotificationClientRequest) { g.progress <- r.Params.Progress },
		ToolListChangedHandler:      func(context.Context, *gosdk.ToolListChangedRequest) { g.changed <- true },
		CreateMessageHandler: func(context.Context, *gosdk.CreateMessageRequest) (*gosdk.CreateMessageResult, error) { //nolint:staticcheck // deprecated in 2026-07-28 only
			return &gosdk.CreateMessageResult{Role: "assistant", Model: "m", Content: &gosdk.TextContent{Text: sampledText}}, nil //nolint:staticcheck // the same
		},
	})
	s, err := c.Connect(t.Context(), &gosdk.StreamableClientTransport{
		Endpoint: to.url, HTTPClient: &http.Client{Transport: withTicket(to.ticket)},
	}, &gosdk.ClientSessionOptions{ProtocolVersion: "2025-11-25"})
	require.NoError(t, err)
	g.close = s.Close
	g.call = func(ctx context.Context, tool string) (string, error) {
		p := &gosdk.CallToolParams{Name: tool}
		p.SetProgressToken("p")
		res, err := s.CallTool(ctx, p)
		if err != nil {
			return "", err
		}
		return res.Content[0].(*gosdk.TextContent).Text, nil
	}
	g.tools = func(ctx context.Context) (names []string, err error) {
		list, err := s.ListTools(ctx, nil)
		if err != nil {
			return nil, err
		}
		for _, tool := range list.Tools {
			names = append(names, tool.Name)
		}
		return names, nil
	}
	return g
}

type sampler struct{}

func (sampler) CreateMessage(context.Context, mcpgo.CreateMessageRequest) (*mcpgo.CreateMessageResult, error) {
	return &mcpgo.CreateMessageResult{Model: "m", SamplingMessage: mcpgo.SamplingMessage{Role: mcpgo.RoleAssistant, Content: mcpgo.NewTextContent(sampledText)}}, nil
}

func dialMCPGo(t *testing.T, to endpoint) *goClient {
	t.Helper()
	g := newGoClient()
	tr, err := transport.NewStreamableHTTP(to.url, transport.WithContinuousListening(), //nolint:staticcheck // deprecated in 2026-07-28 only
		transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer " + to.ticket}))
	require.NoError(t, err)
	c := client.NewClient(tr, client.WithSamplingHandler(sampler{}), client.WithProtocolVersion("2025-11-25"))
	c.OnNotification(func(n mcpgo.JSONRPCNotification) {
		switch n.Method {
		case "notifications/progress":
			g.progress <- n.Params.AdditionalFields["progress"].(float64)
		case "notifications/tools/list_changed":
			g.changed <- true
		}
	})
	require.NoError(t, c.Start(t.Context()))
	var init mcpgo.InitializeRequest
	init.Params.ProtocolVersion = "2025-11-25"
	init.Params.ClientInfo = mcpgo.Implementation{Name: "mcp-go", Version: "1"}
	_, err = c.Initialize(t.Context(), init)
	require.NoError(t, err)
	g.close = c.Close
	g.call = func(ctx context.Context, tool string) (string, error) {
		var req mcpgo.CallToolRequest
		req.Params.Name = tool
		req.Params.Meta = &mcpgo.Meta{ProgressToken: "p"}
		res, err := c.CallTool(ctx, req)
		if err != nil {
			return "", err
		}
		return mcpgo.GetTextFromContent(res.Content[0]), nil
	}
	g.tools = func(ctx context.Context) (names []string, err error) {
		list, err := c.ListTools(ctx, mcpgo.ListToolsRequest{})
		if err != nil {
			return nil, err
		}
		for _, tool := range list.Tools {
			names = append(names, tool.Name)
		}
		return names, nil
	}
	return g
}

// work calls "work", and does first after its first progress.
func (g *goClient) work(ctx context.Context, first func()) string {
	text := make(chan string)
	go func() {
		result, err := g.call(ctx, "work")
		if err != nil {
			result = "failed"
		}
		text <- result
	}()
	<-g.progress
	first()
	return <-text
}

// converse has the conversation, as testdata/client.mjs has it.
func (g *goClient) converse(t *testing.T, to endpoint) (v view) {
	t.Helper()
	ctx := t.Context()
	say := func(tool string) string {
		text, err := g.call(ctx, tool)
		require.NoError(t, err, tool)
		return text
	}
	v.Progress = []float64{1}
	v.Result = g.work(ctx, func() {
		say("more")
		v.Progress = append(v.Progress, <-g.progress)
	})
	if to.cancels {
		leaving, leave := context.WithCancel(ctx)
		v.Left = g.work(leaving, leave)
		v.Canceled = say("canceled")
	}
	<-to.front.listening
	say("grow")
	<-g.changed
	names, err := g.tools(ctx)
	require.NoError(t, err)
	v.Grown = slices.Contains(names, "grown")
	v.Sampled = say("sample")
	if to.resumes {
		v.Resumed = g.work(ctx, func() {
			to.front.cut()
			say("more")
		})
	}
	v.Calls = say("calls")
	require.NoError(t, g.close())
	return v
}

// typeScriptClient starts a client of the MCP TypeScript SDK. Each call of the
// function that it returns is a conversation.
func typeScriptClient(t *testing.T) func(*testing.T, endpoint) view {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), servertest.MCPSDK(t), "testdata/client.mjs")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	var mu sync.Mutex // one conversation at a time
	lines := bufio.NewReader(out)
	return func(t *testing.T, to endpoint) (v view) {
		t.Helper()
		line, err := json.Marshal(map[string]any{"url": to.url, "ticket": to.ticket, "control": to.front.control.URL, "resumes": to.resumes})
		require.NoError(t, err)
		mu.Lock()
		defer mu.Unlock()
		_, err = in.Write(append(line, '\n'))
		require.NoError(t, err)
		answer, err := lines.ReadBytes('\n')
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(answer, &v))
		return v
	}
}

// converseByGo returns a conversation of a client of Go.
func converseByGo(dial func(*testing.T, endpoint) *goClient) func(*testing.T, endpoint) view {
	return func(t *testing.T, to endpoint) view {
		t.Helper()
		return dial(t, to).converse(t, to)
	}
}

// TestClientsWorkWithServersThroughTheRelay has the same conversation of each client
// with each server, without the relay and through it.
func TestClientsWorkWithServersThroughTheRelay(t *testing.T) {
	t.Parallel()
	clients := map[string]func(*testing.T, endpoint) view{
		"TypeScript": typeScriptClient(t), "go-sdk": converseByGo(dialGoSDK), mcpGo: converseByGo(dialMCPGo),
	}
	typeScript := typeScriptServer(t)
	servers := map[string]func(*testing.T) string{
		"TypeScript": func(*testing.T) string { return typeScript }, "go-sdk": goSDKServer, mcpGo: mcpGoServer,
	}
	for clientName, converse := range clients {
		for serverName, serve := range servers {
			t.Run(clientName+" with "+serverName, func(t *testing.T) {
				t.Parallel()
				calls := 1
				want := view{Progress: []float64{1, 2}, Result: "done", Grown: true, Sampled: sampledText}
				// In 2025-11-25, mcp-go's client just closes the stream, which only its own server understands.
				cancels := clientName != mcpGo || serverName == mcpGo
				if cancels {
					want.Left, want.Canceled = "failed", "canceled"
					calls++
				}
				// mcp-go's server cancels a call whose connection breaks. Its client does not resume it.
				resumes := serverName != mcpGo
				switch {
				case resumes && clientName == mcpGo:
					want.Resumed = "failed"
					calls++
				case resumes:
					want.Resumed = "done"
					calls++
				}
				want.Calls = strconv.Itoa(calls)
				see := func(e endpoint) view {
					got := converse(t, e)
					if serverName == mcpGo && len(got.Progress) == 1 {
						got.Progress = want.Progress // its server may send the result before the last notification
					}
					return got
				}
				straight := func() view {
					upstream, err := url.Parse(serve(t))
					require.NoError(t, err)
					direct := newFront(t, &httputil.ReverseProxy{
						Rewrite: func(r *httputil.ProxyRequest) {
							r.Out.URL.Scheme, r.Out.URL.Host = upstream.Scheme, upstream.Host
						},
						FlushInterval: -1, ErrorLog: silent,
					})
					return see(endpoint{direct.URL + "/mcp", ownToken, direct, cancels, resumes})
				}
				plain := straight()
				if clientName == mcpGo && plain.Result == "failed" {
					plain = straight() // its client loses a response now and then, without the relay
				}
				assert.Equal(t, want, plain, "without the relay")

				s := one(t, nil)
				f := newFront(t, s.relay)
				ticket := s.ticket(t, s.at(t, serve(t), ada))
				at, err := url.Parse(ticket.URL)
				require.NoError(t, err)
				want.Sampled = "refused"
				assert.Equal(t, want, see(endpoint{f.URL + at.Path, ticket.Ticket.Expose(), f, cancels, resumes}), "through the relay")
				if want.Resumed == "done" { // without a cut, a client may resume the stream of its GET
					assert.Positive(t, f.resumed.Load())
				}
			})
		}
	}
}

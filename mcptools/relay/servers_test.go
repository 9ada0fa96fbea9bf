package relay_test

import (
	"bufio"
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	gosdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/servertest"
)

// toolNames are the tools of the servers of the matrix:
//
//	work      reports progress, waits for "more" or to be canceled, reports progress again
//	more      lets "work" go on
//	canceled  waits until "work" was canceled
//	calls     returns how often "work" was called
//	grow      adds the tool "grown"
//	sample    asks the client for sampling, and returns its text or "refused"
var toolNames = []string{"work", "more", "canceled", "calls", "grow", "sample"}

// A toolbox is the state of the tools.
type toolbox struct {
	calls          atomic.Int64
	more, canceled chan bool
}

func newToolbox() *toolbox { return &toolbox{more: make(chan bool, 10), canceled: make(chan bool, 10)} }

// An asker is what a tool can do beside returning a text.
type asker struct {
	progress func(n float64)
	grow     func()
	sample   func() (string, error)
}

func (b *toolbox) call(ctx context.Context, name string, ask asker) (string, error) {
	switch name {
	case "work":
		b.calls.Add(1)
		ask.progress(1)
		select {
		case <-ctx.Done():
			b.canceled <- true
			return "", ctx.Err()
		case <-b.more:
		}
		ask.progress(2)
		return "done", nil
	case "more":
		b.more <- true
	case "canceled":
		<-b.canceled
		return name, nil
	case "calls":
		return strconv.FormatInt(b.calls.Load(), 10), nil
	case "grow":
		ask.grow()
	case "sample":
		if text, err := ask.sample(); err == nil {
			return text, nil
		}
		return "refused", nil
	}
	return "", nil
}

// goSDKServer starts a server of go-sdk and returns its URL.
func goSDKServer(t *testing.T) string {
	t.Helper()
	box := newToolbox()
	s := gosdk.NewServer(&gosdk.Implementation{Name: "go-sdk", Version: "1"}, nil)
	var add func(name string)
	add = func(name string) {
		s.AddTool(&gosdk.Tool{Name: name, InputSchema: map[string]any{"type": "object"}}, func(ctx context.Context, r *gosdk.CallToolRequest) (*gosdk.CallToolResult, error) {
			text, err := box.call(ctx, name, asker{
				progress: func(n float64) {
					_ = r.Session.NotifyProgress(ctx, &gosdk.ProgressNotificationParams{ProgressToken: r.Params.GetProgressToken(), Progress: n})
				},
				grow: func() { add("grown") },
				sample: func() (string, error) {
					res, err := r.Session.CreateMessage(ctx, &gosdk.CreateMessageParams{MaxTokens: 10}) //nolint:staticcheck // deprecated in 2026-07-28 only
					if err != nil {
						return "", err
					}
					return res.Content.(*gosdk.TextContent).Text, nil
				},
			})
			return &gosdk.CallToolResult{Content: []gosdk.Content{&gosdk.TextContent{Text: text}}}, err
		})
	}
	for _, name := range toolNames {
		add(name)
	}
	return serveSDK(t, s, &gosdk.StreamableHTTPOptions{EventStore: gosdk.NewMemoryEventStore(nil)})
}

// mcpGoServer starts a server of mcp-go and returns its URL.
func mcpGoServer(t *testing.T) string {
	t.Helper()
	box := newToolbox()
	s := server.NewMCPServer("mcp-go", "1", server.WithToolCapabilities(true))
	s.EnableSampling()
	var add func(name string)
	add = func(name string) {
		s.AddTool(mcpgo.NewTool(name), func(ctx context.Context, r mcpgo.CallToolRequest) (*mcpgo.CallToolResult, error) {
			text, err := box.call(ctx, name, asker{
				progress: func(n float64) {
					_ = s.SendNotificationToClient(ctx, "notifications/progress", map[string]any{"progressToken": r.Params.Meta.ProgressToken, "progress": n})
				},
				grow: func() { add("grown") },
				sample: func() (string, error) {
					var ask mcpgo.CreateMessageRequest
					ask.MaxTokens = 10
					ask.Messages = []mcpgo.SamplingMessage{{Role: mcpgo.RoleUser, Content: mcpgo.NewTextContent("hello")}}
					res, err := s.RequestSampling(ctx, ask) //nolint:staticcheck // deprecated in 2026-07-28 only
					if err != nil {
						return "", err
					}
					return mcpgo.GetTextFromContent(res.Content), nil
				},
			})
			return mcpgo.NewToolResultText(text), err
		})
	}
	for _, name := range toolNames {
		add(name)
	}
	srv := httptest.NewServer(server.NewStreamableHTTPServer(s, server.WithEventStore(server.NewInMemoryEventStore())))
	t.Cleanup(srv.Close)
	return srv.URL + "/mcp"
}

// typeScriptServer starts a server of the MCP TypeScript SDK and returns its URL.
// Its sessions share no state.
func typeScriptServer(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), servertest.MCPSDK(t), "testdata/server.mjs")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

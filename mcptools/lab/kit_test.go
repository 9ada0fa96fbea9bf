package lab_test

import (
	"net/http"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/mcptools/lab"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a world that is closed at the end of the test.
func start(t *testing.T, opts *lab.Options) *lab.World {
	t.Helper()
	w, err := lab.Start(opts)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	return w
}

// plain returns an HTTP client that follows no redirects.
func plain(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// openaiClient returns openai-go's client for the world. It does not retry.
func openaiClient(t *testing.T, w *lab.World, opts ...option.RequestOption) *openai.Client {
	t.Helper()
	c := openai.NewClient(append([]option.RequestOption{
		option.WithBaseURL(w.Info().OpenAIBaseURL), option.WithAPIKey(w.Info().OpenAIAPIKey),
		option.WithHTTPClient(plain(t)), option.WithMaxRetries(0),
	}, opts...)...)
	return &c
}

// entry returns the tool for a server, without approvals.
func entry(w *lab.World, server, token string) responses.ToolUnionParam {
	t := responses.ToolParamOfMcp(server)
	t.OfMcp.ServerURL = param.NewOpt(w.Server(server).MCPURL)
	t.OfMcp.RequireApproval.OfMcpToolApprovalSetting = param.NewOpt("never")
	if token != "" {
		t.OfMcp.Authorization = param.NewOpt(token)
	}
	return t
}

// ask returns a request with a user message.
func ask(message string, tools ...responses.ToolUnionParam) responses.ResponseNewParams {
	return responses.ResponseNewParams{
		Model: "gpt-5.5", Tools: tools,
		Input: responses.ResponseNewParamsInputUnion{OfString: param.NewOpt(message)},
	}
}

// types returns the types of a response's output.
func types(r *responses.Response) []string {
	var out []string
	for _, it := range r.Output {
		out = append(out, it.Type)
	}
	return out
}

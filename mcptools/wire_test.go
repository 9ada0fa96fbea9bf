package mcptools_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/platform"
)

// at returns a client whose API is at base, a name that leads to the lab.
func (h healing) at(t *testing.T, base string) openai.Client {
	t.Helper()
	u, err := url.Parse(h.Info().OpenAIBaseURL)
	require.NoError(t, err)
	tr := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, u.Host)
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return openai.NewClient(option.WithBaseURL(base), option.WithAPIKey(h.Info().OpenAIAPIKey), option.WithHTTPClient(&http.Client{Transport: tr}))
}

func TestTokensAreNotSentToTheAPIInClearText(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		base  string
		plain bool
		asked int
	}{
		"plain http":                            {base: "http://gateway.example/v1"},
		"plain http in a private network":       {base: "http://10.0.0.7:4000/v1"},
		"a name that only begins like one":      {base: "http://localhost.example/v1"},
		"loopback":                              {base: "http://127.0.0.1:4000/v1", asked: 1},
		"a gateway that the caller vouched for": {base: "http://litellm:4000/v1", plain: true, asked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHealing(t, mcptools.Options{Platform: platform.OpenAI()})
			h.client = h.at(t, tc.base)
			r, err := h.set.Build(t.Context(), ada, &mcptools.SetBuildOptions{InsecurePlainHTTP: tc.plain})
			require.NoError(t, err)
			_, err = h.ask(t, r)
			assert.Len(t, h.ModelRequests(), tc.asked)
			if tc.asked > 0 {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, mcptools.KindMisconfigured)
			f, ok := mcptools.AsFailure(err)
			require.True(t, ok)
			assert.Equal(t, mcptools.StageBuild, f.Stage)
			assert.Equal(t, mcptools.ActionFixConfig, f.Action)
			assert.NotContains(t, err.Error(), "gateway.example")
		})
	}
}

// A redirecting transport sends every request on, and counts what arrives.
type redirecting struct {
	to      string
	arrived atomic.Int32
}

func (r *redirecting) RoundTrip(req *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(req.Body)
	_ = req.Body.Close()
	if strings.HasPrefix(req.URL.String(), r.to) {
		r.arrived.Add(1)
	}
	return &http.Response{
		StatusCode: http.StatusTemporaryRedirect, Header: http.Header{"Location": {r.to + "/v1/responses"}},
		Body: io.NopCloser(strings.NewReader(string(body[:0]))), Request: req,
	}, nil
}

func TestTokensDoNotFollowARedirectOfTheAPI(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"https://other.example", "http://api.example", "https://sub.api.example", "https://api.example:8443"} {
		t.Run(to, func(t *testing.T) {
			t.Parallel()
			h := newHealing(t, mcptools.Options{})
			rt := &redirecting{to: to}
			h.client = openai.NewClient(option.WithBaseURL("https://api.example/v1"), option.WithAPIKey("sk-lab"),
				option.WithHTTPClient(&http.Client{Transport: rt}), option.WithMaxRetries(0))
			_, err := h.ask(t, h.request(t))
			require.Error(t, err)
			assert.Zero(t, rt.arrived.Load())
		})
	}
}

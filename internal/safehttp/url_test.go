package safehttp_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/safehttp"
)

func TestPlainHTTPNeedsPermission(t *testing.T) {
	t.Parallel()
	const nowhere, loopback, anywhere = safehttp.PlainNowhere, safehttp.PlainLoopback, safehttp.PlainAnywhere
	for raw, ok := range map[string]map[safehttp.Plain]bool{
		"https://api.example/v1":         {nowhere: true, loopback: true, anywhere: true},
		"http://127.0.0.1:4000/v1":       {loopback: true, anywhere: true},
		"http://[::1]/v1":                {loopback: true, anywhere: true},
		"http://app.localhost/v1":        {loopback: true, anywhere: true},
		"http://litellm:4000/v1":         {anywhere: true},
		"http://127.0.0.1.example/v1":    {anywhere: true},
		"http://localhost.example/v1":    {anywhere: true},
		"http://0x7f.1/v1":               {anywhere: true},
		"ftp://127.0.0.1/v1":             {},
		"ws://gateway.example/v1":        {},
		"https://user:pass@api.example/": {},
		"https:api.example":              {},
		"/v1":                            {},
	} {
		u, err := url.Parse(raw)
		require.NoError(t, err)
		for _, plain := range []safehttp.Plain{nowhere, loopback, anywhere} {
			err := safehttp.CheckURL(u, plain)
			if ok[plain] {
				require.NoError(t, err, "%s %d", raw, plain)
				continue
			}
			require.ErrorIs(t, err, safehttp.ErrBlocked, "%s %d", raw, plain)
			assert.NotContains(t, err.Error(), "example")
		}
	}
	require.ErrorIs(t, safehttp.CheckURL(nil, anywhere), safehttp.ErrBlocked)
}

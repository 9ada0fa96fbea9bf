package connect_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hiddenText holds markup, and characters that reorder or hide text.
const hiddenText = "<b>before\u202e\u2066\u200e\u061c\u200b\u2060\ufeff\u00ad\U000E0041\x1b[2J\u009bafter</b>"

// assertPlain fails for a page that shows a hidden character or markup of a
// server.
func assertPlain(t *testing.T, page string) {
	t.Helper()
	assert.Contains(t, page, "before")
	assert.NotContains(t, page, "<b>")
	for _, r := range "\u202e\u2066\u200e\u061c\u200b\u2060\ufeff\u00ad\U000E0041\x1b\u009b" {
		assert.NotContains(t, page, string(r), "%U", r)
	}
	assert.False(t, strings.Contains(page, "&#x202e") || strings.Contains(page, "&#8238"))
}

func TestAPageShowsNoHiddenCharactersOfAServer(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := newBrowser(p.site(t, nil), "alice")
	answer := func() string {
		w := b.do(http.MethodGet, "/connect/example", nil)
		w = b.do(http.MethodPost, "/connect/example", fields(w.Body.String()))
		require.Equal(t, http.StatusSeeOther, w.Code)
		return b.do(http.MethodGet, p.browse(t, w.Header().Get("Location")), nil).Body.String()
	}

	p.AS.Redirect = func(back url.Values) {
		back.Del("code")
		back.Set("error", "access_denied")
		back.Set("error_description", hiddenText)
	}
	assertPlain(t, answer())
	p.AS.Redirect = nil

	p.AS.Token = func(w http.ResponseWriter, _ *http.Request) bool {
		writeJSON(w, http.StatusOK, map[string]any{
			"access_token": "synthetic-access", "token_type": "Bearer", "expires_in": 3600, "scope": "read " + strings.ReplaceAll(hiddenText, " ", ""),
		})
		return true
	}
	page := answer()
	require.Contains(t, page, "is connected")
	assertPlain(t, page)
}

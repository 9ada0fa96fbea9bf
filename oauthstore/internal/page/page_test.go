package page_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/internal/page"
)

func TestACursorIsReadBack(t *testing.T) {
	t.Parallel()
	for _, c := range []page.Cursor{{}, {Key: "1"}, {Due: 1790000000000000, Key: "a:b"}, {Due: -1, Key: "k"}} {
		back, err := page.Parse(c.String())
		require.NoError(t, err)
		assert.Equal(t, c, back)
	}
	assert.Empty(t, page.Cursor{}.String(), "the first page has no cursor")
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "0:1", "1790000000000000:deadbeef", ":", "1:", ":1", "1", "-1:x", "99999999999999999999:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := page.Parse(s)
		if err != nil {
			require.ErrorIs(t, err, page.ErrCursor)
			require.Zero(t, c)
			return
		}
		again, err := page.Parse(c.String())
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}

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
		back, err := page.Parse(c.String(), 1)
		require.NoError(t, err)
		assert.Equal(t, c, back)
	}
	assert.Empty(t, page.Cursor{}.String(), "the first page has no cursor")
}

func TestAPageHasOneRowAtLeast(t *testing.T) {
	t.Parallel()
	_, err := page.Parse("", 0)
	require.ErrorIs(t, err, page.ErrSize)
}

func TestANumberedCursorHasANumber(t *testing.T) {
	t.Parallel()
	due, seq, err := page.ParseNumbered(page.Cursor{Due: 5, Key: "7"}.String(), 1)
	require.NoError(t, err)
	assert.Equal(t, [2]int64{5, 7}, [2]int64{due, seq})
	_, _, err = page.ParseNumbered("5:x", 1)
	require.ErrorIs(t, err, page.ErrCursor)
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "0:1", "1790000000000000:deadbeef", ":", "1:", ":1", "1", "-1:x", "99999999999999999999:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := page.Parse(s, 1)
		if err != nil {
			require.ErrorIs(t, err, page.ErrCursor)
			require.Zero(t, c)
			return
		}
		again, err := page.Parse(c.String(), 1)
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}

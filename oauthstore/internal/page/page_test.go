package page_test

import (
	"errors"
	"testing"
	"time"

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

// rows are numbered from 1.
type rows struct {
	at, n int
	err   error // after the last one
}

func (r *rows) Next() bool { r.at++; return r.at <= r.n }

func (r *rows) Err() error { return r.err }

func (r *rows) scan(byDue bool) func() (int, page.Cursor, error) {
	return func() (int, page.Cursor, error) {
		return r.at, page.Numbered(byDue, time.UnixMicro(int64(10*r.at)), int64(r.at)), nil
	}
}

func TestAPageEndsWithTheCursorOfItsLastRow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rows, size int
		byDue      bool
		items      int
		next       string
	}{
		{0, 2, false, 0, ""},
		{2, 2, false, 2, ""},
		{3, 2, false, 2, "0:2"},
		{3, 2, true, 2, "20:2"},
	} {
		r := &rows{n: c.rows}
		items, next, err := page.Read(r, c.size, r.scan(c.byDue))
		require.NoError(t, err)
		assert.Len(t, items, c.items)
		assert.Equal(t, c.next, next)
	}
}

func TestAnErrorLeavesNoPartOfAPage(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	r := &rows{n: 3, err: broken}
	items, next, err := page.Read(r, 2, r.scan(false))
	require.ErrorIs(t, err, broken)
	assert.Empty(t, items)
	assert.Empty(t, next)
	items, _, err = page.Read(&rows{n: 3}, 2, func() (int, page.Cursor, error) { return 0, page.Cursor{}, broken })
	require.ErrorIs(t, err, broken)
	assert.Empty(t, items)
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

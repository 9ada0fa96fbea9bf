package relay

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// encoded returns the events of a stream as they are written anew, and how it
// ended.
func encoded(t *testing.T, r io.Reader, limit int64) (events []string, err error) {
	t.Helper()
	mem := newMemory(1 << 20)
	in := eventReader{r: bufio.NewReaderSize(r, 16), mem: mem, max: limit}
	for {
		ev, err := in.next()
		if err != nil {
			assert.EqualValues(t, 1<<20, mem.left.Load(), "a buffer was not freed")
			return events, err
		}
		events = append(events, string(ev.encode(ev.data.data)))
		ev.data.free()
	}
}

func TestEventsAreReadAsClientsReadThem(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		want []string
		end  error
	}{
		"one":                            {"data: {}\n\n", []string{"data: {}\n\n"}, io.EOF},
		"without a space":                {"data:{}\nid:1\n\n", []string{"id: 1\ndata: {}\n\n"}, io.EOF},
		"two spaces":                     {"data:  {}\n\n", []string{"data:  {}\n\n"}, io.EOF},
		"CRLF":                           {"data: {}\r\n\r\ndata: 1\r\n\r\n", []string{"data: {}\n\n", "data: 1\n\n"}, io.EOF},
		"lines":                          {"data: {\ndata: }\n\n", []string{"data: {\ndata: }\n\n"}, io.EOF},
		"no data":                        {"event: x\n\nid: 2\n\n", []string{"id: 2\n\n"}, io.EOF},
		"a field without a colon":        {"data\n\n", []string{"data: \n\n"}, io.EOF},
		"unknown fields and comments":    {": c\nfoo: bar\nData: no\n data: no\ndata: {}\n\n", []string{"data: {}\n\n"}, io.EOF},
		"an id with a null":              {"id: a\x00b\ndata: 1\n\n", []string{"data: 1\n\n"}, io.EOF},
		"a retry of words":               {"retry: soon\ndata: 1\n\n", []string{"data: 1\n\n"}, io.EOF},
		"a mark at the start":            {"\xef\xbb\xbfdata: 1\n\n", []string{"data: 1\n\n"}, io.EOF},
		"a mark later":                   {"data: 1\n\n\xef\xbb\xbfdata: 2\n\n", []string{"data: 1\n\n"}, io.EOF},
		"an end without a line":          {"data: {}", []string{"data: {}\n\n"}, io.EOF},
		"an end in an event":             {"id: 1\ndata: {\"a\"", nil, io.EOF},
		"a lone CR, which ends a line":   {"data: {}\rdata: evil\n\n", nil, errEvent},
		"a lone CR at the end of a CRLF": {"data: {}\r\r\n\n", nil, errEvent},
		"too long":                       {"data: " + strings.Repeat("x", 200) + "\n\n", nil, errTooLarge},
		"a long comment":                 {": " + strings.Repeat("c", 90) + "\ndata: 1\n\n", []string{"data: 1\n\n"}, io.EOF},
		"too long in lines":              {strings.Repeat("data: x\n", 200), nil, errTooLarge},
	} {
		for _, r := range []io.Reader{strings.NewReader(tc.text), iotest.OneByteReader(strings.NewReader(tc.text))} {
			got, err := encoded(t, r, 100)
			require.ErrorIs(t, err, tc.end, name)
			assert.Equal(t, tc.want, got, name)
		}
	}
	_, err := encoded(t, iotest.ErrReader(errors.New("broken")), 100)
	require.ErrorContains(t, err, "broken")
}

// FuzzEvents writes what it reads: reading that again must give the same, with no
// line that a client could take for another one.
func FuzzEvents(f *testing.F) {
	for _, text := range []string{"", "data: {}\n\n", "id: 1\nevent: message\ndata: a\ndata: b\r\n\r\n", "data: a\rdata: b\n\n", "retry: 1\ndata\n\n: x\n\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		first, _ := encoded(t, bytes.NewReader(text), 1000)
		all := strings.Join(first, "")
		require.NotContains(t, all, "\r")
		again, err := encoded(t, strings.NewReader(all), 1<<20)
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, first, again)
	})
}

func TestLongNamesAndIDsOfEventsAreRefused(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"event", "id", "retry"} {
		for extra, want := range map[int]error{0: io.EOF, 1: errTooLarge} {
			_, err := encoded(t, strings.NewReader(field+": "+strings.Repeat("1", maxField+extra)+"\ndata: 1\n\n"), 1<<16)
			require.ErrorIs(t, err, want, field)
		}
	}
}

package page

import (
	"errors"
	"strconv"
	"strings"
)

// ErrCursor is what [Parse] returns for a text that no [Cursor] has written.
var ErrCursor = errors.New("malformed cursor")

// A Cursor says after which row the next page begins. The zero value stands
// before the first row.
type Cursor struct {
	Due int64  // microseconds since 1970; 0 where the list is not ordered by time
	Key string // what tells rows of the same time apart; never empty after a row
}

// String returns the cursor as text, "" for the zero value.
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return ""
	}
	return strconv.FormatInt(c.Due, 10) + ":" + c.Key
}

// Parse reads what [Cursor.String] wrote.
func Parse(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	due, key, ok := strings.Cut(s, ":")
	n, err := strconv.ParseInt(due, 10, 64)
	if !ok || err != nil || key == "" {
		return Cursor{}, ErrCursor
	}
	return Cursor{Due: n, Key: key}, nil
}

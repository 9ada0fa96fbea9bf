package page

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// What [Parse] returns for arguments of List that can't be.
var (
	ErrCursor = errors.New("malformed cursor")
	ErrSize   = errors.New("page size below 1")
)

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

// Parse reads what [Cursor.String] wrote and checks the page's size n.
func Parse(cursor string, n int) (Cursor, error) {
	if n < 1 {
		return Cursor{}, ErrSize
	}
	if cursor == "" {
		return Cursor{}, nil
	}
	due, key, ok := strings.Cut(cursor, ":")
	micros, err := strconv.ParseInt(due, 10, 64)
	if !ok || err != nil || key == "" {
		return Cursor{}, ErrCursor
	}
	return Cursor{Due: micros, Key: key}, nil
}

// ParseNumbered is [Parse] for lists whose keys are numbers above 0.
func ParseNumbered(cursor string, n int) (due, seq int64, err error) {
	c, err := Parse(cursor, n)
	if err != nil || c.Key == "" {
		return 0, 0, err
	}
	seq, err = strconv.ParseInt(c.Key, 10, 64)
	if err != nil {
		return 0, 0, ErrCursor
	}
	return c.Due, seq, nil
}

// Numbered returns the cursor of a row with that number in a list that is ordered
// by due, or, where byDue is false, by number alone.
func Numbered(byDue bool, due time.Time, seq int64) Cursor {
	c := Cursor{Key: strconv.FormatInt(seq, 10)}
	if byDue {
		c.Due = due.UnixMicro()
	}
	return c
}

// Rows are the rows of a query, as database/sql and pgx have them.
type Rows interface {
	Next() bool
	Err() error
}

// Read returns the first n rows as items, and the cursor of the next page, "" if
// there are no more rows. It reads to the end, since only then Err is known: the
// query has a limit of n+1. scan returns the current row and its place.
func Read[T any](rows Rows, n int, scan func() (T, Cursor, error)) (items []T, next string, err error) {
	var last Cursor
	for rows.Next() {
		if len(items) == n {
			next = last.String()
			continue
		}
		it, at, err := scan()
		if err != nil {
			return nil, "", err
		}
		items, last = append(items, it), at
	}
	if err := rows.Err(); err != nil {
		return nil, "", err
	}
	return items, next, nil
}

package redisstore

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/internal/page"
)

// batch bounds how many records one script reads, since Redis does nothing else
// meanwhile.
const batch = 500

// List implements [backend.Backend]. With DueBefore, ExpiredBefore or an
// owner it reads an index of those; else every record.
func (b *Backend) List(ctx context.Context, f backend.Filter, cursor string, n int) ([]backend.Item, string, error) {
	after, err := page.Parse(cursor, n)
	if err == nil && after.Key != "" {
		if _, decodeErr := base64.RawURLEncoding.DecodeString(after.Key); decodeErr != nil || len(after.Key) != digestLength {
			err = page.ErrCursor
		}
	}
	if err != nil {
		return nil, "", fmt.Errorf("redisstore: list: %w", err)
	}
	index, timed, until := b.index(f)
	from := "-"
	if after.Key != "" {
		from = "(" + after.Key
		if timed {
			from = "(" + formatMicros(after.Due) + after.Key
		}
	}

	var items []backend.Item
	var last page.Cursor
	for {
		rows, err := do(ctx, b, "list", func() ([]row, error) { return b.stretch(ctx, index, from, until, min(n+1, batch)) })
		if err != nil {
			return nil, "", err
		}
		if len(rows) == 0 {
			return items, "", nil
		}
		for _, r := range rows {
			from = "(" + r.member
			if !r.found && !r.damaged || !r.matches(f) {
				continue
			}
			if len(items) == n {
				return items, last.String(), nil
			}
			items = append(items, r.Item)
			last = page.Cursor{Key: r.member[len(r.member)-digestLength:]}
			if timed {
				// Where the row stood in the index, not where it is due by now.
				t, err := parseTime(r.member[:timeDigits])
				if err != nil {
					return nil, "", mapErr(ctx, "list", err)
				}
				last.Due = t.UnixMicro()
			}
		}
	}
}

var digestLength = len(digest(""))

// index returns the index to read for a filter, whether times begin its members,
// and where to end.
func (b *Backend) index(f backend.Filter) (key string, timed bool, until string) {
	switch {
	case !f.DueBefore.IsZero():
		return b.prefix + "due", true, "(" + formatTime(f.DueBefore)
	case !f.ExpiredBefore.IsZero():
		return b.prefix + "expire", true, "(" + formatTime(f.ExpiredBefore)
	case f.Tenant != "" && f.Subject != "":
		return b.owner(f.Tenant, f.Subject), false, "+"
	}
	return b.prefix + "all", false, "+"
}

// A row is a record and its member of the index that it was found by.
type row struct {
	backend.Item
	member  string
	found   bool
	damaged bool
}

func (r row) matches(f backend.Filter) bool {
	if r.damaged && r.ID == (backend.ID{}) {
		return f.MatchesUnknown()
	}
	if r.damaged { // its times are not known, but its place in the index is
		f.DueBefore, f.ExpiredBefore = time.Time{}, time.Time{}
	}
	return f.Matches(r.ID, r.Record)
}

// stretch reads the records of an index between two of its members.
func (b *Backend) stretch(ctx context.Context, index, from, until string, n int) ([]row, error) {
	reply, err := listScript.Run(ctx, b.client, []string{index}, from, until, n, b.prefix+"record:").Slice()
	if err != nil {
		return nil, err
	}
	if len(reply) == 0 {
		return nil, errReply
	}
	now, err := parseNow(reply[0])
	if err != nil {
		return nil, err
	}
	rows := make([]row, 0, len(reply)-1)
	for _, v := range reply[1:] {
		pair, ok := v.([]any)
		if !ok || len(pair) != 2 {
			return nil, errReply
		}
		var r row
		if r.member, ok = pair[0].(string); !ok || len(r.member) < digestLength {
			return nil, errReply
		}
		r.Item, r.found, err = parseRecord(pair[1])
		if r.damaged = errors.Is(err, errDamaged); err != nil && !r.damaged {
			return nil, err
		}
		r.Now = now
		rows = append(rows, r)
	}
	return rows, nil
}

package redisstore

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var errReply = errors.New("a reply that is none of ours")

// parseNow reads the reply of TIME: seconds and microseconds.
func parseNow(v any) (time.Time, error) {
	parts, ok := v.([]any)
	if !ok || len(parts) != 2 {
		return time.Time{}, errReply
	}
	var n [2]int64
	for i, part := range parts {
		text, ok := part.(string)
		var err error
		if n[i], err = strconv.ParseInt(text, 10, 64); !ok || err != nil {
			return time.Time{}, errReply
		}
	}
	return time.Unix(n[0], n[1]*1000).UTC(), nil
}

// parseRecord reads the fields id, version, data, due and expire; ok is false
// where there is no record. With errDamaged, the item has the parts that are
// known.
func parseRecord(v any) (it backend.Item, ok bool, err error) {
	values, isSlice := v.([]any)
	if !isSlice || len(values) != 5 {
		return backend.Item{}, false, errReply
	}
	if values[1] == nil {
		return backend.Item{}, false, nil
	}
	var fields [5]string
	for i, value := range values {
		fields[i], _ = value.(string) // a missing field is malformed
	}
	it.Version, err = strconv.ParseUint(fields[1], 10, 64)
	err = errors.Join(err, it.ID.UnmarshalText([]byte(fields[0])))
	due, dueErr := parseTime(fields[3])
	expire, expireErr := parseTime(fields[4])
	if errors.Join(err, dueErr, expireErr) != nil {
		return backend.Item{ID: it.ID, Record: backend.Record{Version: it.Version}}, false, errDamaged
	}
	it.Data, it.DueAt, it.ExpireAt = []byte(fields[2]), due, expire
	return it, true, nil
}

// errDamaged is the error of a record with a malformed field.
var errDamaged = fmt.Errorf("%w: malformed record", backend.ErrSeal)

// timeDigits is the length of a time as text: microseconds since 1970 until the
// year 9999 and beyond. All have the same, so that their order is that of texts.
const timeDigits = 18

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return formatMicros(t.UnixMicro())
}

func formatMicros(n int64) string { return fmt.Sprintf("%0*d", timeDigits, n) }

func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, errReply
	}
	return time.UnixMicro(n).UTC(), nil
}

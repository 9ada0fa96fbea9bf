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
// where there is no record.
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
		var isText bool
		if fields[i], isText = value.(string); !isText {
			return backend.Item{}, false, errReply
		}
	}
	if err := it.ID.UnmarshalText([]byte(fields[0])); err != nil {
		return backend.Item{}, false, errReply
	}
	if it.Version, err = strconv.ParseUint(fields[1], 10, 64); err != nil {
		return backend.Item{}, false, errReply
	}
	it.Data = []byte(fields[2])
	if it.DueAt, err = parseTime(fields[3]); err != nil {
		return backend.Item{}, false, err
	}
	if it.ExpireAt, err = parseTime(fields[4]); err != nil {
		return backend.Item{}, false, err
	}
	return it, true, nil
}

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

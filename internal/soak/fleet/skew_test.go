package fleet_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// skewed simulates a process clock that is ahead of all others, including the
// store's. A process can't have its own clock, but from its view the store's
// clock is behind: so times that it reads from the store, in the rows and in
// the sealed records, are moved back, and times that it writes are moved
// forward. The result is equivalent.
func skewed(ahead time.Duration, b backend.Backend, s backend.Sealer) (backend.Backend, backend.Sealer) {
	if ahead == 0 {
		return b, s
	}
	return skewedBackend{b, ahead}, skewedSealer{s, ahead}
}

func shift(t time.Time, by time.Duration) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(by)
}

type skewedBackend struct {
	backend.Backend
	ahead time.Duration
}

func (b skewedBackend) read(rec backend.Record) backend.Record {
	rec.Now, rec.DueAt, rec.ExpireAt = shift(rec.Now, -b.ahead), shift(rec.DueAt, -b.ahead), shift(rec.ExpireAt, -b.ahead)
	return rec
}

func (b skewedBackend) Get(ctx context.Context, id backend.ID) (backend.Record, error) {
	rec, err := b.Backend.Get(ctx, id)
	return b.read(rec), err
}

func (b skewedBackend) Put(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
	rec.DueAt, rec.ExpireAt = shift(rec.DueAt, b.ahead), shift(rec.ExpireAt, b.ahead)
	return b.Backend.Put(ctx, id, rec, ifVersion)
}

func (b skewedBackend) List(ctx context.Context, f backend.Filter, cursor string, n int) ([]backend.Item, string, error) {
	f.DueBefore = shift(f.DueBefore, b.ahead)
	items, next, err := b.Backend.List(ctx, f, cursor, n)
	for i := range items {
		items[i].Record = b.read(items[i].Record)
	}
	return items, next, err
}

type skewedSealer struct {
	backend.Sealer
	ahead time.Duration
}

func (s skewedSealer) Seal(ctx context.Context, plain, associated []byte) ([]byte, error) {
	moved, err := shiftRecord(plain, s.ahead)
	if err != nil {
		return nil, err
	}
	return s.Sealer.Seal(ctx, moved, associated)
}

func (s skewedSealer) Open(ctx context.Context, sealed, associated []byte) ([]byte, error) {
	plain, err := s.Sealer.Open(ctx, sealed, associated)
	if err != nil {
		return nil, err
	}
	return shiftRecord(plain, -s.ahead)
}

// shiftRecord moves every time in the plaintext of a record: of a credential, whose
// first byte is its format, or of JSON.
func shiftRecord(plain []byte, by time.Duration) ([]byte, error) {
	if len(plain) == 0 || plain[0] == '{' {
		return shiftJSON(plain, by)
	}
	moved := bytes.Clone(plain)
	if !shiftFields(moved[1:], by) {
		return nil, errors.New("the format of the record is not known here")
	}
	return moved, nil
}

// shiftFields moves the times in fields: a tag, then an integer or a length and
// bytes. A time has twelve bytes. A text that reads as fields has none.
func shiftFields(fields []byte, by time.Duration) bool {
	for len(fields) > 0 {
		tag, n := binary.Uvarint(fields)
		if n <= 0 {
			return false
		}
		fields = fields[n:]
		value, n := binary.Uvarint(fields)
		if n <= 0 {
			return false
		}
		if fields = fields[n:]; tag&1 == 0 {
			continue
		}
		if value > uint64(len(fields)) {
			return false
		}
		content := fields[:value]
		fields = fields[value:]
		if len(content) == 12 && content[0] == 0 { // a text has no such byte
			seconds := int64(binary.BigEndian.Uint64(content))
			nanos := binary.BigEndian.Uint32(content[8:])
			t := shift(time.Unix(seconds, int64(nanos)), by)
			binary.BigEndian.PutUint64(content, uint64(t.Unix()))
			binary.BigEndian.PutUint32(content[8:], uint32(t.Nanosecond()))
		} else if tag>>1 >= 72 { // the parts
			shiftFields(content, by)
		}
	}
	return true
}

// shiftJSON moves every time in a JSON text.
func shiftJSON(text []byte, by time.Duration) ([]byte, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(shiftAny(v, by))
}

func shiftAny(v any, by time.Duration) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = shiftAny(v[name], by)
		}
	case []any:
		for i := range v {
			v[i] = shiftAny(v[i], by)
		}
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return shift(t, by).Format(time.RFC3339Nano)
		}
	}
	return v
}

// Of eight processes one has a clock that is five minutes ahead, another one
// five minutes behind. Neither refreshes early or late, takes over a valid
// lease or changes the expiry of a token.
func TestClockSkewChangesNothing(t *testing.T) {
	t.Parallel()
	const ttl = 5 * time.Second
	s := startServer(t, ttl)
	for _, kind := range []string{"postgres", "redis"} { // their clock is not that of the processes
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, s, 6, workerConfig{Place: newPlace(t, kind)})
			for _, ahead := range []time.Duration{5 * time.Minute, -5 * time.Minute} {
				f.all = append(f.all, f.start(t, func(c *workerConfig) { c.Skew = ahead }).up(t))
			}
			credentials := make([]held, rounds()/2)
			for i := range credentials {
				credentials[i] = f.put(t)
			}
			for n := range rounds() {
				h := credentials[n%len(credentials)]
				f.ended(t, h)
				before, begin := len(s.sent(h.chain, 0)), time.Now()
				token := order{Do: "token", Subject: h.subject}
				if first := n % 3; first > 0 { // one of the two first, then the others
					require.Empty(t, f.all[len(f.all)-first].do(token).Text)
				}
				reports := f.everybody(token)
				sent := s.sent(h.chain, before)
				require.Len(t, sent, 1, "round %d", n)
				for i, r := range reports {
					require.Empty(t, r.Text, "round %d: %s", n, f.all[i].name)
					require.Equal(t, sent[0].access, r.Access, "round %d: %s", n, f.all[i].name)
				}
				st, access := f.stored(t, h)
				require.Equal(t, sent[0].access, access)
				require.True(t, s.live(t, access))
				require.False(t, st.Expiry.Before(begin.Add(ttl-time.Second)), "round %d: it expires too early", n)
				require.False(t, st.Expiry.After(time.Now().Add(ttl+time.Second)), "round %d: it expires too late", n)
			}
		})
	}
	t.Cleanup(func() { assert.Zero(t, s.counts(t).Reused) })
}

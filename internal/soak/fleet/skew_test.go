package fleet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// skewed gives a process a clock that is ahead of all others, the store's
// included. No process can be handed a clock of its own, but seen from a
// process whose clock is ahead, the store's is behind: so what it reads from
// the store, in the rows and within the sealed records, is moved back by as
// much, and what it writes forward. Nothing is left in which the two differ.
func skewed(ahead time.Duration, b oauthstore.Backend, s oauthstore.Sealer) (oauthstore.Backend, oauthstore.Sealer) {
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
	oauthstore.Backend
	ahead time.Duration
}

func (b skewedBackend) read(rec oauthstore.Record) oauthstore.Record {
	rec.Now, rec.DueAt, rec.ExpireAt = shift(rec.Now, -b.ahead), shift(rec.DueAt, -b.ahead), shift(rec.ExpireAt, -b.ahead)
	return rec
}

func (b skewedBackend) Get(ctx context.Context, id oauthstore.ID) (oauthstore.Record, error) {
	rec, err := b.Backend.Get(ctx, id)
	return b.read(rec), err
}

func (b skewedBackend) Put(ctx context.Context, id oauthstore.ID, rec oauthstore.Record, ifVersion uint64) error {
	rec.DueAt, rec.ExpireAt = shift(rec.DueAt, b.ahead), shift(rec.ExpireAt, b.ahead)
	return b.Backend.Put(ctx, id, rec, ifVersion)
}

func (b skewedBackend) List(ctx context.Context, f oauthstore.Filter, cursor string, n int) ([]oauthstore.Item, string, error) {
	f.DueBefore = shift(f.DueBefore, b.ahead)
	items, next, err := b.Backend.List(ctx, f, cursor, n)
	for i := range items {
		items[i].Record = b.read(items[i].Record)
	}
	return items, next, err
}

type skewedSealer struct {
	oauthstore.Sealer
	ahead time.Duration
}

func (s skewedSealer) Seal(ctx context.Context, plain, associated []byte) ([]byte, error) {
	moved, err := shiftJSON(plain, s.ahead)
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
	return shiftJSON(plain, -s.ahead)
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

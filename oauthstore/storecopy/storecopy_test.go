package storecopy_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/oauthstore/storecopy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const records = 1234 // more than two pages

func id(n int) backend.ID {
	return backend.ID{Kind: backend.KindCredential, Tenant: "acme", Subject: fmt.Sprintf("u_%04d", n), Provider: "asana"}
}

// filled returns a backend with records of all shapes.
func filled(t *testing.T) backend.Backend {
	t.Helper()
	b := memstore.New()
	at := time.Date(2026, 11, 28, 12, 0, 0, 123_456_789, time.UTC)
	for n := range records {
		rec := backend.Record{Version: 1<<63 + uint64(n), Data: []byte{0, byte(n), 255}}
		if n%2 == 0 {
			rec.DueAt = at.Add(time.Duration(n) * time.Second)
		}
		if n%3 == 0 {
			rec.ExpireAt = at
		}
		if n == 7 {
			rec.Data = nil
		}
		require.NoError(t, b.Put(t.Context(), id(n), rec, 0))
	}
	return b
}

// A target fails or is changed when a number of records were written.
type target struct {
	backend.Backend
	puts atomic.Int64
	on   func(n int64) error
}

func (b *target) Put(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
	if b.on != nil {
		if err := b.on(b.puts.Add(1)); err != nil {
			return err
		}
	}
	return b.Backend.Put(ctx, id, rec, ifVersion)
}

func requireEqual(t *testing.T, from, to backend.Backend) {
	t.Helper()
	for n := range records {
		want, err := from.Get(t.Context(), id(n))
		require.NoError(t, err)
		got, err := to.Get(t.Context(), id(n))
		require.NoError(t, err)
		assert.Equal(t, want.Version, got.Version)
		assert.Equal(t, string(want.Data), string(got.Data))
		assert.True(t, got.DueAt.Equal(want.DueAt.Truncate(time.Microsecond)))
		assert.True(t, got.ExpireAt.Equal(want.ExpireAt.Truncate(time.Microsecond)))
	}
}

func TestCopyIsExact(t *testing.T) {
	t.Parallel()
	from, to := filled(t), memstore.New()
	report, err := storecopy.Copy(t.Context(), from, to)
	require.NoError(t, err)
	assert.Equal(t, storecopy.Report{Records: records, Copied: records}, report)
	requireEqual(t, from, to)
}

func TestInterruptedCopyIsResumed(t *testing.T) {
	t.Parallel()
	from, to := filled(t), &target{Backend: memstore.New()}
	to.on = func(n int64) error {
		if n > 700 {
			return backend.ErrUnavailable
		}
		return nil
	}
	first, err := storecopy.Copy(t.Context(), from, to)
	require.ErrorIs(t, err, backend.ErrUnavailable)
	require.ErrorIs(t, err, storecopy.ErrTarget)
	assert.InDelta(t, 700, first.Copied, 8) // writes that ran at the same time may have been canceled
	assert.Zero(t, first.Records)
	to.on = nil
	second, err := storecopy.Copy(t.Context(), from, to)
	require.NoError(t, err)
	assert.Equal(t, storecopy.Report{Records: records, Copied: records - first.Copied}, second)
	requireEqual(t, from, to)
}

func TestTargetWithOtherRecordsIsNotWritten(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]struct {
		id  backend.ID
		rec backend.Record
	}{
		"a record that the source lacks": {id(-1), backend.Record{Version: 1, Data: []byte("x")}},
		"another version":                {id(1), backend.Record{Version: 1, Data: []byte{0, 1, 255}}},
		"other data":                     {id(1), backend.Record{Version: 1<<63 + 1, Data: []byte("x")}},
		"another time":                   {id(1), backend.Record{Version: 1<<63 + 1, Data: []byte{0, 1, 255}, ExpireAt: time.Unix(1, 0)}},
		"another due time":               {id(1), backend.Record{Version: 1<<63 + 1, Data: []byte{0, 1, 255}, DueAt: time.Unix(1, 0)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := filled(t), memstore.New()
			require.NoError(t, to.Put(t.Context(), other.id, other.rec, 0))
			report, err := storecopy.Copy(t.Context(), from, to)
			require.ErrorIs(t, err, backend.ErrConflict)
			assert.Zero(t, report)
			items, _, err := to.List(t.Context(), backend.Filter{}, "", 10)
			require.NoError(t, err)
			assert.Len(t, items, 1)
		})
	}
}

func TestSourceThatIsWrittenDuringTheCopyIsAnError(t *testing.T) {
	t.Parallel()
	change := backend.Record{Version: 1<<63 + 5000, Data: []byte("new")}
	for name, write := range map[string]func(from backend.Backend) error{
		"a changed record": func(from backend.Backend) error { return from.Put(context.Background(), id(0), change, 1<<63) },
		"a deleted record": func(from backend.Backend) error { return from.Delete(context.Background(), id(0), 1<<63) },
		"a new record": func(from backend.Backend) error { // before the pages that are still to come
			return from.Put(context.Background(), id(-1), change, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := filled(t), &target{Backend: memstore.New()}
			to.on = func(n int64) error {
				if n == records {
					return write(from)
				}
				return nil
			}
			_, err := storecopy.Copy(t.Context(), from, to)
			require.ErrorIs(t, err, backend.ErrConflict)
		})
	}
}

// A damaging backend can't read one record, as a failing disk.
type damaging struct {
	backend.Backend
	id backend.ID
}

func (b damaging) Get(ctx context.Context, id backend.ID) (backend.Record, error) {
	rec, err := b.Backend.Get(ctx, id)
	if id == b.id {
		return backend.Record{Version: rec.Version}, backend.ErrSeal
	}
	return rec, err
}

func (b damaging) List(ctx context.Context, f backend.Filter, cursor string, n int) ([]backend.Item, string, error) {
	items, next, err := b.Backend.List(ctx, f, cursor, n)
	for i := range items {
		if items[i].ID == b.id {
			items[i].Data = nil
		}
	}
	return items, next, err
}

func TestDamagedRecordIsCountedAndLeftBehind(t *testing.T) {
	t.Parallel()
	to := memstore.New()
	report, err := storecopy.Copy(t.Context(), damaging{filled(t), id(42)}, to)
	require.NoError(t, err)
	assert.Equal(t, storecopy.Report{Records: records - 1, Copied: records - 1, Damaged: 1}, report)
	_, err = to.Get(t.Context(), id(42))
	require.ErrorIs(t, err, backend.ErrNotFound)
}

func TestCopyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	to := &target{Backend: memstore.New()}
	to.on = func(n int64) error {
		if n == 100 {
			cancel(errors.New("interrupted"))
		}
		return nil
	}
	_, err := storecopy.Copy(ctx, filled(t), to)
	require.ErrorIs(t, err, context.Canceled)
}

package redisstore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/internal/gate"
)

// A Client runs scripts and carries messages: *redis.Client and
// *redis.ClusterClient do. It must be safe for concurrent use, as those are.
type Client interface {
	redis.Scripter
	Publish(ctx context.Context, channel string, message any) *redis.IntCmd
	Subscribe(ctx context.Context, channels ...string) *redis.PubSub
}

// Options for [New]. Nil means the defaults.
type Options struct {
	// Prefix begins every key and channel, within the braces of a hash tag; it
	// has none itself. If empty, "toolgrant".
	Prefix string
}

// A Backend is a [backend.Backend] and a [backend.Watcher] in Redis.
// Safe for concurrent use, by any number of processes on any number of machines.
type Backend struct {
	client Client
	prefix string // with the braces and a colon
	beats  beats
	gate   *gate.Gate
}

var (
	_ backend.Backend     = (*Backend)(nil)
	_ backend.Watcher     = (*Backend)(nil)
	_ backend.BatchGetter = (*Backend)(nil)
)

var (
	//go:embed read.lua
	readText string
	//go:embed write.lua
	writeText string
	//go:embed list.lua
	listText string

	readScript  = redis.NewScript(readText)
	writeScript = redis.NewScript(writeText)
	listScript  = redis.NewScript(listText)
)

// New returns a Backend on the caller's client. It does no I/O. The caller
// closes the Backend, and then the client. An Options.Prefix with a brace is an
// error.
func New(client Client, opts *Options) (*Backend, error) {
	if client == nil {
		return nil, errors.New("redisstore: a backend needs a client")
	}
	prefix := "toolgrant"
	if opts != nil && opts.Prefix != "" {
		prefix = opts.Prefix
	}
	if strings.ContainsAny(prefix, "{}") {
		return nil, errors.New("redisstore: Options.Prefix has a brace")
	}
	return &Backend{
		client: client, prefix: "{" + prefix + "}:", gate: gate.New(),
		beats: beats{every: 10 * time.Second, patience: 5 * time.Second},
	}, nil
}

// Close ends the Backend, its calls of Watch too, and waits for what is under
// way. Later calls return an error that matches backend.ErrClosed. It does
// not close the client.
func (b *Backend) Close() error {
	b.gate.Close()
	return nil
}

// do runs one operation and returns what f does, or ctx's error as soon as ctx
// ends: go-redis looks at a context before it sends and waits for its own
// timeouts after that. Close waits for f.
func do[T any](ctx context.Context, b *Backend, op string, f func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	var none T
	if err := ctx.Err(); err != nil {
		return none, mapErr(ctx, op, err)
	}
	if !b.gate.Enter() {
		return none, mapErr(ctx, op, backend.ErrClosed)
	}
	done := make(chan result, 1)
	go func() {
		defer b.gate.Leave()
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.v, mapErr(ctx, op, r.err)
	case <-ctx.Done():
		return none, mapErr(ctx, op, ctx.Err())
	}
}

// mapErr turns what go-redis returns into what oauthstore promises.
func mapErr(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	for _, own := range []error{backend.ErrNotFound, backend.ErrConflict, backend.ErrClosed, backend.ErrSeal} {
		if errors.Is(err, own) {
			return fmt.Errorf("redisstore: %s: %w", op, own)
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("redisstore: %s: %w", op, ctx.Err())
	}
	if errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("redisstore: %s: %w", op, backend.ErrClosed)
	}
	reason := err.Error()
	if redisErr, ok := errors.AsType[redis.Error](err); ok {
		reason, _, _ = strings.Cut(redisErr.Error(), " ") // the rest may quote what it was sent
	}
	return fmt.Errorf("redisstore: %s: %w: %s", op, backend.ErrUnavailable, reason)
}

// names are what is derived of an id.
type names struct {
	text   string   // the id as one string
	digest string   // its hash, 43 letters long
	keys   []string // the keys of write.lua
}

func (b *Backend) names(id backend.ID) names {
	text, _ := id.MarshalText() // never fails
	d := digest(string(text))
	return names{
		text: string(text), digest: d,
		keys: []string{b.prefix + "record:" + d, b.prefix + "all", b.owner(id.Tenant, id.Subject), b.prefix + "due", b.prefix + "expire"},
	}
}

func (b *Backend) owner(tenant, subject string) string {
	text, _ := backend.ID{Tenant: tenant, Subject: subject}.MarshalText()
	return b.prefix + "owner:" + digest(string(text))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Get implements [backend.Backend].
func (b *Backend) Get(ctx context.Context, id backend.ID) (backend.Record, error) {
	type found struct {
		rec backend.Record
		ok  bool
	}
	f, err := do(ctx, b, "get", func() (found, error) {
		reply, err := readScript.Run(ctx, b.client, b.names(id).keys[:1]).Slice()
		if err != nil {
			return found{}, err
		}
		if len(reply) != 2 {
			return found{}, errReply
		}
		now, err := parseNow(reply[0])
		if err != nil {
			return found{}, err
		}
		it, ok, err := parseRecord(reply[1])
		if err != nil && it.Version == 0 {
			err = errReply // without a version it can't be replaced
		}
		it.Now = now
		return found{it.Record, ok}, err
	})
	if err == nil && !f.ok {
		err = mapErr(ctx, "get", backend.ErrNotFound)
	}
	return f.rec, err
}

// GetBatch implements [backend.BatchGetter].
func (b *Backend) GetBatch(ctx context.Context, ids []backend.ID) ([]backend.Record, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = b.names(id).keys[0]
	}
	return do(ctx, b, "get batch", func() ([]backend.Record, error) {
		reply, err := readScript.Run(ctx, b.client, keys).Slice()
		if err != nil {
			return nil, err
		}
		if len(reply) != 1+len(ids) {
			return nil, errReply
		}
		now, err := parseNow(reply[0])
		if err != nil {
			return nil, err
		}
		recs := make([]backend.Record, len(ids))
		for i := range recs {
			it, _, err := parseRecord(reply[1+i])
			if err != nil {
				return nil, err
			}
			recs[i] = it.Record
			recs[i].Now = now
		}
		return recs, nil
	})
}

// Put implements [backend.Backend].
func (b *Backend) Put(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
	// Formatted now: the caller may change its data once Put has returned, which
	// may be before go-redis does.
	return b.write(ctx, "put", id, ifVersion,
		strconv.FormatUint(rec.Version, 10), string(rec.Data), formatTime(rec.DueAt), formatTime(rec.ExpireAt))
}

// Delete implements [backend.Backend].
func (b *Backend) Delete(ctx context.Context, id backend.ID, ifVersion uint64) error {
	return b.write(ctx, "delete", id, ifVersion)
}

// write runs write.lua; without values it deletes.
func (b *Backend) write(ctx context.Context, op string, id backend.ID, ifVersion uint64, values ...any) error {
	n := b.names(id)
	args := append([]any{strconv.FormatUint(ifVersion, 10), n.digest, rand.Text(), b.channel(), n.text}, values...)
	_, err := do(ctx, b, op, func() (struct{}, error) {
		code, err := writeScript.Run(ctx, b.client, n.keys, args...).Int()
		switch {
		case err != nil:
			return struct{}{}, err
		case code == 1:
			return struct{}{}, backend.ErrConflict
		case code == 2:
			return struct{}{}, backend.ErrNotFound
		}
		return struct{}{}, nil
	})
	return err
}

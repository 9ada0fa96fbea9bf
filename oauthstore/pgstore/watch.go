package pgstore

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// Watch implements [backend.Watcher], on a connection that Options.Listen
// opens; see the package's documentation.
func (b *Backend) Watch(ctx context.Context, ready func(), changed func(backend.ID)) error {
	return b.do(ctx, "watch", func() error {
		if b.listen == nil {
			return errors.ErrUnsupported
		}
		ctx, cancel := b.gate.Context(ctx)
		defer cancel()
		err := b.watch(ctx, ready, changed)
		if ctx.Err() != nil {
			return backend.ErrClosed // unless the caller's context ended too, which counts first
		}
		return err
	})
}

// beats are the times of the proofs that notifications still arrive.
type beats struct {
	every    time.Duration // between two proofs
	patience time.Duration // for one to arrive
}

func (b *Backend) watch(ctx context.Context, ready func(), changed func(backend.ID)) error {
	conn, err := b.connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	w := watcher{conn: conn, changed: changed, proof: proofPrefix + rand.Text()}
	for first := true; ; first = false {
		if err := b.prove(ctx, w); err != nil {
			return err
		}
		if first {
			ready()
		}
		if _, err := w.hear(ctx, b.beats.every, false); err != nil {
			return err
		}
	}
}

// connect returns a connection that listens, within the patience of a proof.
func (b *Backend) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, b.beats.patience)
	defer cancel()
	conn, err := b.listen(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{b.channel}.Sanitize()); err != nil {
		_ = conn.Close(ctx)
		return nil, err
	}
	return conn, nil
}

// prove sends a proof through the pool and passes on notifications until it
// arrives: also while the pool has no connection left.
func (b *Backend) prove(ctx context.Context, w watcher) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sent := make(chan error, 1)
	go func() {
		limited, stop := context.WithTimeout(ctx, b.beats.patience)
		defer stop()
		_, err := b.db.Exec(limited, "SELECT pg_notify($1::text, $2::text)", b.channel, w.proof)
		if err != nil {
			if limited.Err() != nil {
				err = watchError("no proof was sent in time; has the pool no connection left?")
			}
			cancel() // nothing will arrive
		}
		sent <- err
	}()
	proved, err := w.hear(ctx, b.beats.patience, true)
	if !proved {
		cancel()
	}
	switch sendErr := <-sent; {
	case proved:
		return nil
	case sendErr != nil && !errors.Is(sendErr, context.Canceled):
		return sendErr
	case err != nil:
		return err
	}
	return watchError("no notification arrives on the connection of Options.Listen; does it go through a pooler?")
}

// A watchError is a text of this package's own.
type watchError string

func (e watchError) Error() string { return string(e) }

// A watcher is one call of Watch.
type watcher struct {
	conn    *pgx.Conn
	changed func(backend.ID)
	proof   string // the payload of the notifications that it sends to itself
}

// proofPrefix tells proofs from the texts of ids, which begin with a digit.
const proofPrefix = "proof "

// hear passes on what arrives for as long as limit, or until its own proof is
// among it if untilProof; it reports whether that was so.
func (w watcher) hear(ctx context.Context, limit time.Duration, untilProof bool) (proved bool, err error) {
	for end := time.Now().Add(limit); ; {
		wait, cancel := context.WithDeadline(ctx, end)
		n, err := w.conn.WaitForNotification(wait)
		late := wait.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case err != nil && late && !w.conn.IsClosed():
			return false, nil
		case err != nil:
			return false, err
		case n.Payload == w.proof:
			if untilProof {
				return true, nil
			}
		case !strings.HasPrefix(n.Payload, proofPrefix):
			var id backend.ID
			if err := id.UnmarshalText([]byte(n.Payload)); err != nil {
				return false, watchError("another program notifies on the channel")
			}
			w.changed(id)
		}
	}
}

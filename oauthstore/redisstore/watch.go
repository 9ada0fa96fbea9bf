package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

func (b *Backend) channel() string { return b.prefix + "written" }

// beats are the times of the proofs that messages still arrive.
type beats struct {
	every    time.Duration // between two proofs
	patience time.Duration // for one to arrive
}

// proofPrefix tells proofs from the texts of ids, which begin with a digit.
const proofPrefix = "proof "

// Watch implements [backend.Watcher]; see the package's documentation.
func (b *Backend) Watch(ctx context.Context, ready func(), changed func(backend.ID)) error {
	if err := ctx.Err(); err != nil {
		return mapErr(ctx, "watch", err)
	}
	if !b.gate.Enter() {
		return mapErr(ctx, "watch", backend.ErrClosed)
	}
	defer b.gate.Leave()
	inner, cancel := b.gate.Context(ctx)
	defer cancel()
	err := b.watch(inner, ready, changed)
	if inner.Err() != nil && ctx.Err() == nil {
		err = backend.ErrClosed
	}
	return mapErr(ctx, "watch", err)
}

func (b *Backend) watch(ctx context.Context, ready func(), changed func(backend.ID)) error {
	limited, done := context.WithTimeout(ctx, b.beats.patience)
	defer done()
	sub := b.client.Subscribe(limited, b.channel())
	// go-redis does not look at the context while it waits for a message.
	stop := context.AfterFunc(ctx, func() { _ = sub.Close() })
	defer sub.Close()
	defer stop()

	if _, err := sub.ReceiveTimeout(ctx, b.beats.patience); err != nil { // that it is subscribed
		return err
	}
	w := watcher{sub: sub, ready: ready, changed: changed, proof: proofPrefix + rand.Text()}
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

// prove publishes a proof through the pool and passes on messages until it
// arrives: also while the pool has no connection left.
func (b *Backend) prove(ctx context.Context, w watcher) error {
	ctx, cancel := context.WithTimeout(ctx, b.beats.patience)
	defer cancel()
	sent := make(chan error, 1)
	go func() {
		err := b.client.Publish(ctx, b.channel(), w.proof).Err()
		if err != nil {
			_ = w.sub.Close() // nothing will arrive
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
	return errors.New("no message arrives")
}

// A watcher is one call of Watch.
type watcher struct {
	sub     *redis.PubSub
	ready   func()
	changed func(backend.ID)
	proof   string // the message that it sends to itself
}

// hear passes on what arrives for as long as limit, or until its own proof is
// among it if untilProof; it reports whether that was so.
func (w watcher) hear(ctx context.Context, limit time.Duration, untilProof bool) (proved bool, err error) {
	for end := time.Now().Add(limit); ; {
		// At least a millisecond: 0 would mean for ever.
		m, err := w.sub.ReceiveTimeout(ctx, max(time.Until(end), time.Millisecond))
		if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() && ctx.Err() == nil {
			if time.Now().Before(end) {
				continue
			}
			return false, nil
		}
		if err != nil {
			return false, err
		}
		switch m := m.(type) {
		case *redis.Subscription:
			w.ready() // again: the client has made a new connection
		case *redis.Message:
			switch {
			case m.Payload == w.proof:
				if untilProof {
					return true, nil
				}
			case !strings.HasPrefix(m.Payload, proofPrefix):
				var id backend.ID
				if err := id.UnmarshalText([]byte(m.Payload)); err != nil {
					return false, errReply
				}
				w.changed(id)
			}
		}
	}
}

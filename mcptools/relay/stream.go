package relay

import (
	"bufio"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

const (
	keepAlive  = 20 * time.Second // silence after which a comment keeps proxies from closing a stream
	grantCheck = 5 * time.Second  // between two looks at whether the credential is still connected
	maxUnknown = 3                // looks in a row at which the store does not respond
)

var keepAliveComment = []byte(": keep-alive\n\n")

// A stream is the body of an event stream for the client: the server's events, each
// judged by the rules, and comments while the server is silent. The next event is
// read when the client has taken the last one.
type stream struct {
	x       *exchange
	body    io.ReadCloser // the server's
	events  chan *event   // closed when ended is set
	ended   error
	closed  chan struct{}
	closing sync.Once

	pending []byte // of the event that is being written
	sent    *event // pending is part of
	unknown int    // looks in a row without an answer
	silence *time.Timer
	check   *time.Ticker
}

func newStream(x *exchange, body io.ReadCloser) *stream {
	s := &stream{
		x: x, body: body, events: make(chan *event), closed: make(chan struct{}),
		silence: time.NewTimer(keepAlive), check: time.NewTicker(grantCheck),
	}
	go s.read()
	return s
}

// read passes the server's events on until the stream ends.
func (s *stream) read() {
	defer close(s.events)
	defer func() {
		if p := recover(); p != nil { // else it would end the program
			s.x.panicked(p)
			s.ended = errEvent
		}
	}()
	in := eventReader{r: bufio.NewReader(s.body), mem: s.x.memory, max: s.x.relay.limits.answer}
	for {
		ev, err := in.next()
		if err != nil {
			s.ended = err
			return
		}
		select {
		case s.events <- ev:
		case <-s.closed:
			ev.data.free()
			return
		}
	}
}

// Read implements [io.Reader].
func (s *stream) Read(p []byte) (int, error) {
	for len(s.pending) == 0 {
		s.done()
		if err := s.wait(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	return n, nil
}

// wait waits until there is something to send.
func (s *stream) wait() error {
	ctx := s.x.in.Context()
	select {
	case <-ctx.Done():
		return s.interrupted(context.Cause(ctx))
	case <-s.check.C:
		return s.recheck(ctx)
	case <-s.silence.C:
		s.pending = keepAliveComment
	case ev, ok := <-s.events:
		if !ok {
			if ctx.Err() != nil {
				return s.interrupted(context.Cause(ctx))
			}
			return s.end()
		}
		if string(ev.name) == "endpoint" {
			ev.data.free()
			s.x.fail(s.x.failureOf(mcptools.KindUnsupported, 0))
			return errors.New("the server speaks HTTP+SSE")
		}
		data := ev.data.data
		if ev.hasData && len(data) > 0 {
			data = s.x.judged(data)
		}
		s.pending, s.sent = ev.encode(data), ev
	}
	s.silence.Reset(keepAlive)
	return nil
}

// recheck ends the stream if its credential was disconnected or connected again, or
// if that has been unknown for a while.
func (s *stream) recheck(ctx context.Context) error {
	switch err := s.x.granted(ctx); {
	case err == nil:
		s.unknown = 0
	case errors.Is(err, oauthstore.ErrNotFound), errors.Is(err, errReconnected):
		s.x.dead(err)
		return io.EOF
	default:
		if s.unknown++; s.unknown >= maxUnknown {
			return io.EOF
		}
	}
	return nil
}

// interrupted returns how the stream ends because of err: in order, if the relay
// ends it, so that the client comes back with a new ticket or to another replica.
func (s *stream) interrupted(err error) error {
	switch {
	case errors.Is(err, errTicket), errors.Is(err, errClosed):
		return io.EOF
	}
	return err
}

// end returns how the stream ends because the server ended it.
func (s *stream) end() error {
	if !errors.Is(s.ended, io.EOF) {
		f := s.x.failureOf(mcptools.KindProtocol, 0)
		if !errors.Is(s.ended, errEvent) && !errors.Is(s.ended, errTooLarge) {
			f.Kind, f.Action = mcptools.KindUnreachable, mcptools.KindUnreachable.Action()
		}
		f.Stage = mcptools.StageStream
		s.x.fail(f)
	}
	return s.ended
}

// done frees the event that was written.
func (s *stream) done() {
	if s.sent != nil {
		s.sent.data.free()
		s.sent = nil
	}
}

// Close implements [io.Closer]. It returns when nothing reads the server's body any
// more.
func (s *stream) Close() error {
	s.closing.Do(func() {
		s.silence.Stop()
		s.check.Stop()
		close(s.closed)
		_ = s.body.Close() // ends read
		for ev := range s.events {
			ev.data.free()
		}
		s.done()
	})
	return nil
}

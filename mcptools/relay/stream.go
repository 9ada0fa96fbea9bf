package relay

import (
	"bufio"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/mcptools"
)

const keepAlive = 20 * time.Second // silence after which a comment keeps proxies from closing a stream

var keepAliveComment = []byte(": keep-alive\n\n")

// A stream is the body of an event stream for the client: the server's events, each
// judged by the rules, and comments while the server is silent. The next event is
// read when the client has taken the last one.
type stream struct {
	grantWatch
	body    io.ReadCloser // the server's
	events  chan *event   // closed when ended is set
	ended   error
	closed  chan struct{}
	closing sync.Once

	pending []byte // of the event that is being written
	sent    *event // pending is part of
	silence *time.Timer
}

func newStream(x *exchange, body io.ReadCloser) *stream {
	s := &stream{
		grantWatch: newGrantWatch(x), body: body, events: make(chan *event), closed: make(chan struct{}),
		silence: time.NewTimer(keepAlive),
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
		s.sent = ev
		if err := s.begin(ev); err != nil {
			return err
		}
	}
	s.silence.Reset(keepAlive)
	return nil
}

// begin judges an event and makes it the pending one. What is sent counts in place of
// what was read: with many short lines it is longer.
func (s *stream) begin(ev *event) error {
	if string(ev.name) == "endpoint" {
		s.x.fail(s.x.failureOf(mcptools.KindUnsupported, 0))
		return errors.New("the server speaks HTTP+SSE")
	}
	data := ev.data.data
	if ev.hasData && len(data) > 0 {
		data = s.x.judged(data)
	}
	if err := ev.data.charge(ev.size(data)); err != nil {
		return err
	}
	s.pending, ev.data.data = ev.encode(data), nil
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

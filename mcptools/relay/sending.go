package relay

import (
	"context"
	"io"
)

// A sending is a JSON response on its way to the client: the body for the proxy. Its
// memory counts until it is closed. It is cut off when a stream would end: when its
// ticket expires, when the relay closes, and soon after a disconnect.
type sending struct {
	grantWatch
	rest []byte // of the exchange's reply
}

func newSending(x *exchange) *sending { return &sending{newGrantWatch(x), x.reply.data} }

// Read implements [io.Reader].
func (s *sending) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	ctx := s.x.in.Context()
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	select {
	case <-s.check.C:
		if s.recheck(ctx) != nil {
			return 0, io.ErrUnexpectedEOF
		}
	default:
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Close implements [io.Closer].
func (s *sending) Close() error {
	s.check.Stop()
	s.rest = nil
	s.x.reply.free()
	return nil
}

package relay

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore"
)

const (
	grantCheck = 5 * time.Second // between two looks at whether the credential is still connected
	maxUnknown = 3               // looks in a row at which the store does not respond
)

// A grantWatch ends a response that takes long when its credential is disconnected.
type grantWatch struct {
	x       *exchange
	check   *time.Ticker
	unknown int // looks in a row without an answer
}

func newGrantWatch(x *exchange) grantWatch {
	return grantWatch{x: x, check: time.NewTicker(grantCheck)}
}

// recheck is called at each tick of check. It returns [io.EOF] if the credential was
// disconnected or connected again, or if that has been unknown for a while.
func (w *grantWatch) recheck(ctx context.Context) error {
	switch err := w.x.granted(ctx); {
	case err == nil:
		w.unknown = 0
	case errors.Is(err, oauthstore.ErrNotFound), errors.Is(err, errReconnected):
		w.x.dead(err)
		return io.EOF
	default:
		if w.unknown++; w.unknown >= maxUnknown {
			return io.EOF
		}
	}
	return nil
}

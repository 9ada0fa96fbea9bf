package oauthstore

import (
	"context"
	"math"
	mathrand "math/rand/v2"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// backoff returns how long to wait after that many failures in a row: 5 s,
// doubled each time, at most 10 min, less up to a fifth by spread, from 0 to 1.
func backoffDelay(failures int, spread float64) time.Duration {
	d := time.Duration(float64(5*time.Second) * math.Pow(2, float64(min(failures, 12)-1)))
	d = min(d, 10*time.Minute)
	return d - time.Duration(float64(d)*0.2*spread)
}

// sleep waits for d, or until ctx ends or closing is closed.
func sleep(ctx context.Context, d time.Duration, closing <-chan struct{}) error {
	t := time.NewTimer(d - time.Duration(float64(d)*0.5*jitter()))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-closing:
		return backend.ErrClosed
	}
}

// jitter returns a number in [0, 1) that keeps processes from acting in step.
func jitter() float64 { return mathrand.Float64() } //nolint:gosec // no secret depends on it

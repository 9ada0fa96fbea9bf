package safehttp

import "io"

// A cappedBody fails with ErrTooLarge instead of returning more than left
// bytes, and before the first byte if Content-Length is larger.
type cappedBody struct {
	body io.ReadCloser
	left int64
	err  error // sticky
}

func (b *cappedBody) Read(p []byte) (int, error) {
	switch {
	case b.err != nil:
		return 0, b.err
	case len(p) == 0:
		return 0, nil
	case b.left == 0:
		// It may end here: only one more byte makes it too large.
		var one [1]byte
		n, err := b.body.Read(one[:])
		if n > 0 {
			err = ErrTooLarge
		}
		b.err = err
		return 0, err
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.body.Read(p)
	b.left -= int64(n)
	return n, err
}

func (b *cappedBody) Close() error { return b.body.Close() }

package backend

import (
	"errors"
	"strconv"
	"strings"
)

var errIDText = errors.New("backend: malformed text of an ID")

// MarshalText returns the id as one string that no other id has: each part with
// its length in bytes in front, as in "10:credential4:acme4:u_425:asana0:0:".
// Backends use it where the database wants a single key, or a hash of one. It
// never fails.
func (id ID) MarshalText() ([]byte, error) {
	parts := id.parts()
	size := 0
	for _, part := range parts {
		size += len("1024:") + len(*part)
	}
	b := make([]byte, 0, size)
	for _, part := range parts {
		b = strconv.AppendInt(b, int64(len(*part)), 10)
		b = append(b, ':')
		b = append(b, *part...)
	}
	return b, nil
}

// UnmarshalText reads what [ID.MarshalText] wrote. With anything else it
// returns an error and leaves the id as it was.
func (id *ID) UnmarshalText(text []byte) error {
	var read ID
	rest := string(text)
	for _, part := range read.parts() {
		length, after, ok := strings.Cut(rest, ":")
		n, err := strconv.Atoi(length)
		if !ok || err != nil || n < 0 || n > len(after) || strconv.Itoa(n) != length {
			return errIDText
		}
		*part, rest = after[:n], after[n:]
	}
	if rest != "" {
		return errIDText
	}
	*id = read
	return nil
}

func (id *ID) parts() [6]*string {
	return [6]*string{&id.Kind, &id.Tenant, &id.Subject, &id.Provider, &id.Account, &id.Server}
}

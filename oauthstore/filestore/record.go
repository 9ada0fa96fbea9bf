package filestore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A file is what stands in a record's file, as JSON.
type file struct {
	Format   int        `json:"format"`
	ID       fileID     `json:"id"`
	Version  uint64     `json:"version"`
	DueAt    *time.Time `json:"due_at,omitempty"`
	ExpireAt *time.Time `json:"expire_at,omitempty"`
	Data     []byte     `json:"data"`
}

type fileID struct {
	Kind     string `json:"kind"`
	Tenant   string `json:"tenant"`
	Subject  string `json:"subject"`
	Provider string `json:"provider"`
	Account  string `json:"account"`
	Server   string `json:"server"`
}

// format is the one that this version of the package writes and reads. Another
// one is an error, so that an older program never writes over what it does not
// understand.
const format = 1

var errFormat = errors.New("record of format")

const suffix = ".json"

// fileName is the name of an id's file: it has no part of the id in it, and no
// other id has the same one.
func fileName(id backend.ID) string {
	text, _ := id.MarshalText() // never fails
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]) + suffix
}

func encode(id backend.ID, rec backend.Record) ([]byte, error) {
	return json.Marshal(file{
		Format: format, ID: fileID(id), Version: rec.Version,
		DueAt: timeOrNil(rec.DueAt), ExpireAt: timeOrNil(rec.ExpireAt), Data: rec.Data,
	})
}

func decode(text []byte) (backend.ID, backend.Record, error) {
	var f file
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&f); err != nil {
		var later struct {
			Format int `json:"format"`
		}
		if json.Unmarshal(text, &later) == nil && later.Format > format {
			return backend.ID{}, backend.Record{}, fmt.Errorf("%w %d, this program knows %d", errFormat, later.Format, format)
		}
		// Without the decoder's text, which may quote what it read.
		return backend.ID{}, damaged(text), fmt.Errorf("%w: malformed record", backend.ErrSeal)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return backend.ID{}, damaged(text), fmt.Errorf("%w: text after the record", backend.ErrSeal)
	}
	if f.Format != format {
		return backend.ID{}, backend.Record{}, fmt.Errorf("%w %d, this program knows %d", errFormat, f.Format, format)
	}
	return backend.ID(f.ID), backend.Record{
		Version: f.Version, Data: f.Data, DueAt: timeOrZero(f.DueAt), ExpireAt: timeOrZero(f.ExpireAt),
	}, nil
}

// damaged returns a record that stands for a text that can't be read. Its version
// is that of the text, so that only this text is replaced.
func damaged(text []byte) backend.Record {
	sum := sha256.Sum256(text)
	return backend.Record{Version: binary.BigEndian.Uint64(sum[:])>>2 | 1} // above 0, and with room for later ones
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Microsecond)
	return &t
}

func timeOrZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

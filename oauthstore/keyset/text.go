package keyset

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	tinkkeyset "github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// textFormat is the format that this release writes.
const textFormat = 1

// A document is the text of a keyset: Tink's JSON, with what Tink does not
// record beside it.
type document struct {
	Format  int             `json:"format"`
	Keyset  json.RawMessage `json:"keyset"`
	History history         `json:"history"`
}

// A history says of keys, by id, when they began and ceased to seal. A key that
// never sealed has no entry.
type history map[uint32]period

type period struct {
	Promoted time.Time `json:"promoted_at,omitzero"` // zero: not known
	Replaced time.Time `json:"replaced_at,omitzero"` // zero: the primary
}

// parse reads a document, or Tink's JSON alone.
func parse(ctx context.Context, text []byte, kms tink.AEADWithContext) (*state, error) {
	var doc document
	// No error of what follows is passed on that could quote key material.
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, errtext.New("keyset: not a keyset")
	}
	if doc.Format > textFormat {
		return nil, errtext.Errorf("keyset: format %d is of a newer release", doc.Format)
	}
	if doc.Keyset == nil {
		doc.Keyset, doc.History = text, nil
	} else if doc.History == nil {
		doc.History = history{}
	}
	h, err := parseTink(ctx, doc.Keyset, kms)
	if err != nil {
		return nil, err
	}
	return newState(h, doc.History)
}

func parseTink(ctx context.Context, text []byte, kms tink.AEADWithContext) (*tinkkeyset.Handle, error) {
	r := tinkkeyset.NewJSONReader(bytes.NewReader(text))
	if kms != nil {
		h, err := tinkkeyset.ReadWithContext(ctx, r, kms, nil)
		if err != nil {
			return nil, errtext.Errorf("keyset: cannot be decrypted: %w", err)
		}
		return h, nil
	}
	h, err := insecurecleartextkeyset.Read(r)
	if err != nil {
		return nil, errtext.New("keyset: not a keyset, or one that a KMS encrypted")
	}
	return h, nil
}

// Clear returns the keyset in clear text, which opens every record, for a file
// that only its owner can read or for a secret manager. [Create] and [Update]
// encrypt under a key of a KMS, with Options.KMS. It fails only if Tink does.
func (s *Set) Clear() ([]byte, error) { return s.text(context.Background(), nil) }

func (s *Set) text(ctx context.Context, kms tink.AEADWithContext) ([]byte, error) {
	st := s.current.Load()
	var keys bytes.Buffer
	w := tinkkeyset.NewJSONWriter(&keys)
	var err error
	if kms != nil {
		err = st.handle.WriteWithContext(ctx, w, kms, nil)
	} else {
		err = insecurecleartextkeyset.Write(st.handle, w)
	}
	if err != nil {
		return nil, errtext.Errorf("keyset: it cannot be written: %w", err)
	}
	return json.Marshal(document{Format: textFormat, Keyset: keys.Bytes(), History: st.recorded()})
}

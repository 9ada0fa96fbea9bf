package keyset

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	tinkkeyset "github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// A countingKMS is a key of a KMS that counts its requests.
type countingKMS struct {
	tink.AEAD
	encrypted, decrypted int
}

func newKMS(t *testing.T) *countingKMS {
	t.Helper()
	h, err := tinkkeyset.NewHandle(aead.AES256GCMKeyTemplate())
	require.NoError(t, err)
	a, err := aead.New(h)
	require.NoError(t, err)
	return &countingKMS{AEAD: a}
}

func (k *countingKMS) EncryptWithContext(_ context.Context, plaintext, ad []byte) ([]byte, error) {
	k.encrypted++
	return k.Encrypt(plaintext, ad)
}

func (k *countingKMS) DecryptWithContext(_ context.Context, ciphertext, ad []byte) ([]byte, error) {
	k.decrypted++
	return k.Decrypt(ciphertext, ad)
}

// ofTink returns a keyset with two keys, of which the second is primary, as Tink
// alone writes it.
func ofTink(t *testing.T, write func(*tinkkeyset.Handle, tinkkeyset.Writer) error) []byte {
	t.Helper()
	keys, err := New()
	require.NoError(t, err)
	id, err := keys.Add()
	require.NoError(t, err)
	require.NoError(t, keys.Promote(id))
	var b bytes.Buffer
	require.NoError(t, write(keys.current.Load().handle, tinkkeyset.NewJSONWriter(&b)))
	return b.Bytes()
}

func TestAKeysetOfTinkStartsItsWaitWithTheFirstChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shelf := &shelf{}
		text := ofTink(t, insecurecleartextkeyset.Write)
		shelf.text.Store(&text)
		keys, err := Load(t.Context(), shelf.Read, nil)
		require.NoError(t, err)
		old := keys.Keys()[0].ID
		drop := func() error {
			_, err := Update(t.Context(), shelf, nil, func(s *Set) error { return s.Drop(old, time.Now()) })
			return err
		}
		require.ErrorIs(t, drop(), oauthstore.ErrUnavailable)
		<-time.After(24 * time.Hour)
		require.ErrorIs(t, drop(), oauthstore.ErrUnavailable)
		<-time.After(time.Hour)
		require.NoError(t, drop())
	})
}

func TestAKeysetUnderAKMSIsDecryptedOncePerChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kms := newKMS(t)
		opts := &Options{KMS: kms}
		shelf, keys := newShelf(t, opts)
		sealed, err := keys.Seal(t.Context(), []byte("text"), nil)
		require.NoError(t, err)
		_, err = Parse(*shelf.text.Load())
		require.Error(t, err, "the text is encrypted")
		kms.decrypted = 0
		for range 3 {
			<-time.After(time.Minute)
			sealer(t, keys)
		}
		assert.Zero(t, kms.decrypted, "the text is the same")

		var next string
		rotated, err := Update(t.Context(), shelf, opts, func(s *Set) (err error) {
			if next, err = s.Add(); err != nil {
				return err
			}
			return s.Promote(next)
		})
		require.NoError(t, err)
		assert.Equal(t, next, sealer(t, rotated))
		kms.decrypted = 0
		<-time.After(time.Minute)
		assert.Equal(t, next, sealer(t, keys))
		assert.Equal(t, 1, kms.decrypted)
		_, err = keys.Open(t.Context(), sealed, nil)
		require.NoError(t, err)
	})
}

func TestAKeysetThatTinkWroteUnderAKMSIsRead(t *testing.T) {
	t.Parallel()
	kms := newKMS(t)
	text := ofTink(t, func(h *tinkkeyset.Handle, w tinkkeyset.Writer) error {
		return h.WriteWithContext(t.Context(), w, kms, nil)
	})
	keys, err := Load(t.Context(), func(context.Context) ([]byte, error) { return text, nil }, &Options{KMS: kms})
	require.NoError(t, err)
	assert.Len(t, keys.Keys(), 2)
}

func TestTheTextKeepsKeysAndTimes(t *testing.T) {
	t.Parallel()
	keys, err := New()
	require.NoError(t, err)
	id, err := keys.Add()
	require.NoError(t, err)
	require.NoError(t, keys.Promote(id))
	text, err := keys.Clear()
	require.NoError(t, err)
	again, err := Parse(text)
	require.NoError(t, err)
	assert.Equal(t, keys.Keys(), again.Keys())
	assert.WithinDuration(t, time.Now(), again.Keys()[1].Promoted, time.Minute)
}

func TestTextsThatAreNotKeysetsAreRefusedWithoutQuotingThem(t *testing.T) {
	t.Parallel()
	const canary = "canary-4711"
	keys, err := New()
	require.NoError(t, err)
	text, err := keys.Clear()
	require.NoError(t, err)
	var doc map[string]any
	require.NoError(t, json.Unmarshal(text, &doc))
	doc["format"] = 2
	newer, err := json.Marshal(doc)
	require.NoError(t, err)
	for name, text := range map[string]string{
		"empty":           "",
		"not JSON":        canary,
		"not a keyset":    `{"` + canary + `":"` + canary + `"}`,
		"no keys":         `{"format":1,"keyset":{"primaryKeyId":1,"key":[]}}`,
		"broken key":      `{"primaryKeyId":1,"key":[{"keyData":{"value":"` + canary + `"}}]}`,
		"broken times":    `{"format":1,"keyset":{},"history":{"1":{"promoted_at":"` + canary + `"}}}`,
		"a newer release": string(newer),
	} {
		_, err := Parse([]byte(text))
		require.Error(t, err, name)
		assert.NotContains(t, err.Error(), canary, name)
		_, err = Load(t.Context(), func(context.Context) ([]byte, error) { return []byte(text), nil }, nil)
		require.Error(t, err, name)
	}
}

func TestAnUpdateIsAppliedToAnotherProcessesChange(t *testing.T) {
	t.Parallel()
	shelf, _ := newShelf(t, nil)
	calls := 0
	var ours, theirs string
	keys, err := Update(t.Context(), shelf, nil, func(s *Set) (err error) {
		if calls++; calls == 1 {
			theirs = shelf.add(t)
		}
		ours, err = s.Add()
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, 2, calls)
	var ids []string
	for _, k := range keys.Keys() {
		ids = append(ids, k.ID)
	}
	assert.Subset(t, ids, []string{ours, theirs})

	failed := errors.New("no")
	_, err = Update(t.Context(), shelf, nil, func(s *Set) error { return errors.Join(s.Promote(ours), failed) })
	require.ErrorIs(t, err, failed)
	keys, err = Load(t.Context(), shelf.Read, nil)
	require.NoError(t, err)
	assert.NotEqual(t, ours, sealer(t, keys), "a change that fails writes nothing")
}

func TestAKeysetIsCreatedOnce(t *testing.T) {
	t.Parallel()
	shelf, keys := newShelf(t, nil)
	_, err := Create(t.Context(), shelf, nil)
	require.ErrorIs(t, err, ErrChanged)
	again, err := Load(t.Context(), shelf.Read, nil)
	require.NoError(t, err)
	assert.Equal(t, keys.Keys(), again.Keys())
}

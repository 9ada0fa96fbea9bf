package secret_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/secret"
)

func TestSignerSignsWithItsKey(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	s := secret.NewSigner(key)
	assert.False(t, s.IsZero())
	assert.Equal(t, key.Public(), s.Public())
	digest := sha256.Sum256([]byte("text"))
	signature, err := s.Sign(rand.Reader, digest[:], crypto.SHA256)
	require.NoError(t, err)
	assert.True(t, ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature))
}

func TestZeroSignerDoesNotSign(t *testing.T) {
	t.Parallel()
	for _, s := range []secret.Signer{{}, secret.NewSigner(nil)} {
		assert.True(t, s.IsZero())
		assert.Nil(t, s.Public())
		_, err := s.Sign(rand.Reader, nil, crypto.SHA256)
		require.Error(t, err)
	}
}

// TestSignerPrintsAsPlaceholder checks the placeholder; package internal/canary
// checks that exported types print nothing else.
func TestSignerPrintsAsPlaceholder(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	s := secret.NewSigner(key)
	v := struct {
		Key secret.Signer `json:"key"`
	}{s}
	assert.Equal(t, "[redacted] {[redacted]} {Key:[redacted]}", fmt.Sprintf("%x %s %+v", s, v, v))
	text, err := json.Marshal(v)
	require.NoError(t, err)
	assert.JSONEq(t, `{"key":"[redacted]"}`, string(text))
	assert.Equal(t, "[redacted]", s.LogValue().String())
}

package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A columnCipher is an backend.Sealer that uses the encryption of the
// application's column, here AES-256-GCM with the nonce in front. The store
// adds the associated data: a ciphertext that is moved to another row can't be
// decrypted.
type columnCipher struct{ aead cipher.AEAD }

func newCipher(hexKey string) (columnCipher, error) {
	key, err := hex.DecodeString(hexKey)
	if err != nil || len(key) != 32 {
		return columnCipher{}, errors.New("the key must be 64 hexadecimal digits")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return columnCipher{}, err
	}
	aead, err := cipher.NewGCM(block)
	return columnCipher{aead}, err
}

func (c columnCipher) Seal(_ context.Context, plaintext, associatedData []byte) ([]byte, error) {
	nonce := make([]byte, c.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return c.aead.Seal(nonce, nonce, plaintext, associatedData), nil
}

func (c columnCipher) Open(_ context.Context, ciphertext, associatedData []byte) ([]byte, error) {
	n := c.aead.NonceSize()
	if len(ciphertext) < n {
		return nil, backend.ErrSeal
	}
	plaintext, err := c.aead.Open(nil, ciphertext[:n], ciphertext[n:], associatedData)
	if err != nil {
		return nil, backend.ErrSeal
	}
	return plaintext, nil
}

// KeyID is empty: the application has one key.
func (columnCipher) KeyID([]byte) string { return "" }

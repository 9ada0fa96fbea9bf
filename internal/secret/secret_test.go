package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const canary = "synthetic-canary"

// A holder has a secret in each kind of place where package fmt does not call
// its methods.
type holder struct {
	hidden  secret.Secret
	pointer *secret.Secret
	any     any
	list    []secret.Secret
	byName  map[string]secret.Secret
	asKey   map[secret.Secret]bool
	deep    struct {
		inner struct{ secret secret.Secret }
	}
}

func newHolder() *holder {
	s := secret.New(canary)
	h := &holder{hidden: s, pointer: &s, any: s, list: []secret.Secret{s}, byName: map[string]secret.Secret{"a": s}, asKey: map[secret.Secret]bool{s: true}}
	h.deep.inner.secret = s
	return h
}

func TestNoVerbPrintsASecret(t *testing.T) {
	t.Parallel()
	s, h := secret.New(canary), newHolder()
	for _, flags := range []string{"", "+", "#", " ", "-40", "040", ".3", "+.60"} {
		for verb := '!'; verb <= '~'; verb++ {
			format := "%" + flags + string(verb)
			for _, v := range []any{s, &s, h, *h, []any{s}, fmt.Errorf("wrapped: %w", errors.New(fmt.Sprint(s)))} {
				said := fmt.Sprintf(format, v)
				require.NotContains(t, said, canary, format)
				require.NotContains(t, said, fmt.Sprintf("%x", canary), format)
				require.NotContains(t, strings.ToLower(said), fmt.Sprintf("% x", canary), format)
			}
		}
	}
	assert.Equal(t, "[redacted] [redacted] [redacted]", fmt.Sprintf("%v %s %x", s, s, s))
}

func TestNoLogShowsASecret(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s, h := secret.New(canary), newHolder()
	options := &slog.HandlerOptions{AddSource: true, Level: slog.LevelDebug}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, options), slog.NewJSONHandler(&out, options)} {
		log := slog.New(handler).With("before", s)
		log.Info("alone", "s", s, "p", &s, slog.Group("g", "s", s))
		log.Info("inside", "h", h, "list", h.list, "map", h.byName)
	}
	assert.NotContains(t, out.String(), canary)
	assert.Contains(t, out.String(), `"before":"[redacted]"`)
}

func TestNoEncodingContainsASecret(t *testing.T) {
	t.Parallel()
	v := struct {
		S secret.Secret   `json:"s"`
		P *secret.Secret  `json:"p"`
		L []secret.Secret `json:"l"`
	}{S: secret.New(canary), L: []secret.Secret{secret.New(canary)}}
	v.P = &v.S
	text, err := json.Marshal(v)
	require.NoError(t, err)
	assert.JSONEq(t, `{"s":"[redacted]","p":"[redacted]","l":["[redacted]"]}`, string(text))
	text, err = json.Marshal(map[secret.Secret]int{v.S: 1})
	require.NoError(t, err)
	assert.JSONEq(t, `{"[redacted]":1}`, string(text))
	text, err = xml.Marshal(v.L)
	require.NoError(t, err)
	assert.NotContains(t, string(text), canary)
}

func TestOnlyExposeReturnsTheText(t *testing.T) {
	t.Parallel()
	assert.Equal(t, canary, secret.New(canary).Expose())
	assert.Empty(t, secret.Secret{}.Expose())
	assert.True(t, secret.New("").IsZero())
	assert.False(t, secret.New(canary).IsZero())
}

func TestSecretsWithTheSameTextAreEqual(t *testing.T) {
	t.Parallel()
	s := secret.New(canary)
	assert.True(t, s.Equal(secret.New(canary)))
	assert.True(t, secret.Secret{}.Equal(secret.New("")))
	assert.False(t, s.Equal(secret.New(canary+"x")))
	assert.False(t, s.Equal(secret.Secret{}))
}

func TestFingerprintDistinguishesSecretsWithoutRevealingThem(t *testing.T) {
	t.Parallel()
	s := secret.New(canary)
	assert.Regexp(t, `^[0-9a-f]{8}$`, s.Fingerprint())
	assert.Equal(t, s.Fingerprint(), secret.New(canary).Fingerprint())
	assert.NotEqual(t, s.Fingerprint(), secret.New(canary+"x").Fingerprint())
	assert.Empty(t, secret.Secret{}.Fingerprint())
}

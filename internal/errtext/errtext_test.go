package errtext_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type typedError struct{}

func (typedError) Error() string { return "session: without its own words" }

func (typedError) Sentence() string { return "its own words" }

func TestASentenceHasNoPackageName(t *testing.T) {
	t.Parallel()
	plain, other := errors.New("oauthstore: key has no tenant"), errors.New("open x: no such file")
	for want, err := range map[string]error{
		"key has no tenant":                    plain,
		"open x: no such file":                 other,
		"its own words":                        typedError{},
		"key has no tenant; its own words":     errors.Join(plain, typedError{}),
		"first: oauthstore: key has no tenant": fmt.Errorf("first: %w", plain),
		"a and oauthstore: key has no tenant":  fmt.Errorf("mcptools: %w and %w", errors.New("a"), plain),
	} {
		assert.Equal(t, want, errtext.Sentence(err))
	}
}

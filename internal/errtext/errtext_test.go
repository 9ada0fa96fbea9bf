package errtext_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type typedError struct{}

func (typedError) Error() string { return "session: without its own words" }

func (typedError) Sentence() string { return "its own words" }

func TestASentenceHasNoPackageName(t *testing.T) {
	t.Parallel()
	plain, other := errtext.New("oauthstore: key has no tenant"), errors.New("open x: no such file")
	for want, err := range map[string]error{
		"key has no tenant":                    plain,
		"open x: no such file":                 other,
		"its own words":                        typedError{},
		"key has no tenant; its own words":     errors.Join(plain, typedError{}),
		"first: oauthstore: key has no tenant": fmt.Errorf("first: %w", plain),
		"a and oauthstore: key has no tenant":  errtext.Errorf("mcptools: %w and %w", errors.New("a"), plain),
	} {
		assert.Equal(t, want, errtext.Sentence(err))
	}
}

func TestANamedErrorMatchesItsCauses(t *testing.T) {
	t.Parallel()
	sentinel := errtext.New("session: a turn is running")
	err := errtext.Errorf("mcptools: %w and %w", sentinel, errors.ErrUnsupported)
	assert.EqualError(t, err, "mcptools: session: a turn is running and unsupported operation")
	require.ErrorIs(t, err, sentinel)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	assert.NotErrorIs(t, err, errtext.New("session: a turn is running"))
}

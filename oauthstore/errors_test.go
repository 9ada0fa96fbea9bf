package oauthstore_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

func TestAnErrorTellsAHandlerItsStatusAndItsUserTheNextStep(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err     oauthstore.Error
		status  int
		message string
	}{
		"not connected":     {oauthstore.Error{Err: oauthstore.ErrNotFound}, http.StatusConflict, "example is not connected: connect your account and try again."},
		"dead":              {oauthstore.Error{Err: oauthstore.ErrReauthorize, Reason: oauthstore.ReasonInvalidGrant}, http.StatusConflict, "example no longer accepts the connection: connect your account again."},
		"refused":           {oauthstore.Error{Err: oauthstore.ErrRefused, Reason: oauthstore.ReasonAudience}, http.StatusConflict, "example no longer accepts the connection: connect your account again."},
		"a missing scope":   {oauthstore.Error{Err: oauthstore.ErrRefused, Reason: oauthstore.ReasonScope}, http.StatusConflict, "example needs another permission: connect your account again and grant it."},
		"unavailable":       {oauthstore.Error{Err: oauthstore.ErrUnavailable}, http.StatusServiceUnavailable, "example is not available right now: try again later."},
		"a deadline":        {oauthstore.Error{Err: context.DeadlineExceeded}, http.StatusServiceUnavailable, "example is not available right now: try again later."},
		"misconfigured":     {oauthstore.Error{Err: oauthstore.ErrMisconfigured}, http.StatusInternalServerError, "example is not set up correctly: contact support."},
		"an unknown error":  {oauthstore.Error{Err: assert.AnError}, http.StatusInternalServerError, "example could not do this: try something else."},
		"joined with a row": {oauthstore.Error{Err: fmt.Errorf("%w: %w", oauthstore.ErrMisconfigured, backend.ErrSeal)}, http.StatusInternalServerError, "example is not set up correctly: contact support."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.err.Key = testKey("u")
			assert.Equal(t, tt.status, tt.err.HTTPStatus())
			assert.Equal(t, tt.message, tt.err.PublicMessage())
		})
	}
	assert.Contains(t, (&oauthstore.Error{Err: oauthstore.ErrUnavailable}).PublicMessage(), "A connected tool ")
}

func TestEveryErrorOfAStoreMatchesAClass(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key := testKey("u")
	w.connect(t, key, nil)

	other := newWorld(t, nil) // whose keyset lacks the key
	foreign, err := oauthstore.New(w.backend, other.sealer, nil)
	require.NoError(t, err)
	_, err = foreign.Token(t.Context(), key, oauthstore.Need{})
	require.ErrorIs(t, err, backend.ErrKeyUnavailable)
	require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
	assert.Equal(t, oauthstore.ReasonKeyUnavailable, typed(t, err).Reason)

	invalid := oauthstore.Key{Provider: "example"}
	_, err = w.store.Token(t.Context(), invalid, oauthstore.Need{})
	_, putErr := w.store.Put(t.Context(), invalid, oauthstore.Credential{})
	_, disconnectErr := w.store.Disconnect(t.Context(), invalid)
	_, sourceErr := oauthstore.SourceFunc(nil).Token(t.Context(), invalid, oauthstore.Need{})
	for _, err := range []error{err, putErr, disconnectErr, sourceErr} {
		require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
		assert.Equal(t, "key has no tenant; key has no subject", typed(t, err).Detail)
	}

	require.NoError(t, w.store.Close(t.Context()))
	_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
	require.ErrorIs(t, err, backend.ErrClosed)
	require.ErrorIs(t, err, oauthstore.ErrUnavailable)
}

func TestTheSentenceOfAnErrorHasNoPackageName(t *testing.T) {
	t.Parallel()
	err := &oauthstore.Error{Op: "token", Key: testKey("u"), Err: oauthstore.ErrUnavailable, Detail: "why"}
	assert.Equal(t, "token: acme/u example: temporarily unavailable: why", err.Sentence())
	assert.Equal(t, "oauthstore: "+err.Sentence(), err.Error())
}

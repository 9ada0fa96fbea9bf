package oauthstore_test

import (
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// What a migration brings again must not replace what came from it.
func TestAnImportedPairDoesNotReplaceItsOwnSuccessor(t *testing.T) {
	t.Parallel()
	lost := func(_ url.Values, consume func() *http.Response) (*http.Response, error) {
		consume()
		return nil, http.ErrHandlerTimeout
	}
	slow := func(_ url.Values, consume func() *http.Response) (*http.Response, error) {
		resp := consume()
		<-time.After(10 * time.Second)
		return resp, nil
	}
	refuses := func(url.Values, func() *http.Response) (*http.Response, error) {
		return oauthError(http.StatusUnauthorized, "invalid_client"), nil
	}
	for name, c := range map[string]struct {
		obtained oauthstore.Obtained
		answer   func(url.Values, func() *http.Response) (*http.Response, error) // to the refresh; nil: a new pair
		refresh  bool
		again    string // the refresh token that comes; "": the same
		stays    bool
	}{
		"it was refreshed":                        {oauthstore.ObtainedImport, nil, true, "", true},
		"its refresh is under way":                {oauthstore.ObtainedImport, slow, true, "", true},
		"the response to its refresh was lost":    {oauthstore.ObtainedImport, lost, true, "", true},
		"it was not refreshed":                    {oauthstore.ObtainedImport, nil, false, "", false},
		"its refresh failed without being spent":  {oauthstore.ObtainedImport, refuses, true, "", false},
		"another pair comes":                      {oauthstore.ObtainedImport, nil, true, "synthetic-other", false},
		"a consent brings the same refresh token": {oauthstore.ObtainedImport, nil, true, "", false},
		"it came from a consent":                  {oauthstore.ObtainedConsent, nil, true, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				key := testKey("u")
				row := w.as.credential("u")
				row.Provenance.Obtained = c.obtained
				first, err := w.store.Put(t.Context(), key, row)
				require.NoError(t, err)
				if c.answer != nil {
					w.as.Once(nil, c.answer)
				}
				if c.refresh {
					go func() { _, _ = w.store.Refresh(t.Context(), key, first.Generation) }()
					wait(t, time.Second)
				}
				if name == "a consent brings the same refresh token" {
					row.Provenance.Obtained = oauthstore.ObtainedConsent // some servers have one for each user
				}
				if c.again != "" {
					row.RefreshToken = oauthstore.NewSecret(c.again)
				}
				before, err := w.replica(t, nil).Status(t.Context(), key)
				require.NoError(t, err)
				got, err := w.store.Put(t.Context(), key, row)
				require.NoError(t, err)
				if !c.stays {
					assert.Equal(t, before.Generation+1, got.Generation)
					return
				}
				assert.Equal(t, before.Generation, got.Generation)
				wait(t, time.Minute)
				if after, err := w.store.Status(t.Context(), key); assert.NoError(t, err) && c.answer == nil {
					assert.Equal(t, before.Generation, after.Generation)
					assert.Equal(t, oauthstore.StateActive, after.State)
				}
				if name == "its refresh is under way" {
					tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
					require.NoError(t, err)
					assert.EqualValues(t, 2, tok.Generation, "the pair that was on its way")
					assert.Zero(t, w.as.Reuses())
				}
			})
		})
	}
}

func TestADeadImportIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		row := w.as.credential("u")
		row.Provenance.Obtained = oauthstore.ObtainedImport
		first, err := w.store.Put(t.Context(), key, row)
		require.NoError(t, err)
		st, err := w.store.Refresh(t.Context(), key, first.Generation)
		require.NoError(t, err)
		w.as.Once(nil, func(url.Values, func() *http.Response) (*http.Response, error) {
			return oauthError(http.StatusBadRequest, "invalid_grant"), nil
		})
		_, err = w.store.Refresh(t.Context(), key, st.Generation)
		require.ErrorIs(t, err, oauthstore.ErrReauthorize)
		got, err := w.store.Put(t.Context(), key, row)
		require.NoError(t, err)
		assert.Greater(t, got.Generation, st.Generation)
	})
}

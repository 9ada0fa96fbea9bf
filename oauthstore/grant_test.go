package oauthstore_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

// A migration that runs again must not replace the pairs of its first run.
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
	const imported, consented = oauthstore.ObtainedImport, oauthstore.ObtainedConsent
	kept := func(url.Values, func() *http.Response) (*http.Response, error) {
		return answer(200, "application/json", `{"access_token":"synthetic-access-next","token_type":"Bearer","expires_in":3600}`), nil
	}
	for name, c := range map[string]struct {
		first, second oauthstore.Obtained
		answer        func(url.Values, func() *http.Response) (*http.Response, error) // to the refresh; nil: a new pair
		unused        bool                                                            // there is no refresh
		other         bool                                                            // the second pair is another one
		stays         bool
		arrives       bool // the refresh ends well after the second pair has come
	}{
		"it was refreshed":                        {first: imported, second: imported, stays: true},
		"its refresh is under way":                {first: imported, second: imported, answer: slow, stays: true, arrives: true},
		"the response to its refresh was lost":    {first: imported, second: imported, answer: lost, stays: true},
		"it was not refreshed":                    {first: imported, second: imported, unused: true},
		"its refresh failed without being spent":  {first: imported, second: imported, answer: refuses},
		"the server does not rotate":              {first: imported, second: imported, answer: kept, stays: true},
		"another pair comes":                      {first: imported, second: imported, other: true},
		"a consent brings the same refresh token": {first: imported, second: consented}, // some servers have one for each user
		"it came from a consent":                  {first: consented, second: consented},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				key := testKey("u")
				row := w.as.credential("u")
				row.Provenance.Obtained = c.first
				first, err := w.store.Put(t.Context(), key, row)
				require.NoError(t, err)
				if c.answer != nil {
					w.as.Once(nil, c.answer)
				}
				if !c.unused {
					go func() { _, _ = w.store.Refresh(t.Context(), key, first.Generation) }()
					wait(t, time.Second)
				}
				row.Provenance.Obtained = c.second
				if c.other {
					row.RefreshToken = oauthstore.NewSecret("synthetic-other")
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
				if c.arrives {
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

// A process that lacks a key for the moment can't know whether an import is what
// the record came from. The user's consent replaces the record all the same.
func TestAnImportDoesNotReplaceARecordWhoseKeyIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key := testKey("u")
	row := w.as.credential("u")
	row.Provenance.Obtained = oauthstore.ObtainedImport
	_, err := w.store.Put(t.Context(), key, row)
	require.NoError(t, err)
	others, err := keyset.New()
	require.NoError(t, err)
	lacking, err := oauthstore.New(w.backend, others, &oauthstore.Options{InsecureTransport: w.as})
	require.NoError(t, err)
	t.Cleanup(func() { _ = lacking.Close(context.WithoutCancel(t.Context())) })

	_, err = lacking.Put(t.Context(), key, row)
	require.ErrorIs(t, err, backend.ErrKeyUnavailable)
	_, err = w.replica(t, nil).Token(t.Context(), key, oauthstore.Need{})
	require.NoError(t, err, "the record is as it was")
	_, err = lacking.Put(t.Context(), key, w.as.credential("again"))
	require.NoError(t, err)
}

func TestAPutWhoseAnswerIsLostIsFoundInTheStore(t *testing.T) {
	t.Parallel()
	for name, landed := range map[string]bool{"it was stored": true, "it was not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			key := testKey("u")
			w.connect(t, key, nil)
			w.backend.LostPut = func(backend.ID) bool { return landed }
			w.backend.downPut.Store(!landed)
			st, err := w.store.Put(t.Context(), key, w.as.credential("again"))
			w.backend.LostPut = nil
			w.backend.downPut.Store(false)
			tok, tokenErr := w.replica(t, nil).Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, tokenErr)
			if !landed {
				require.ErrorIs(t, err, oauthstore.ErrUnavailable)
				assert.NotContains(t, tok.AccessToken.Expose(), "again")
				return
			}
			require.NoError(t, err)
			assert.Contains(t, tok.AccessToken.Expose(), "again")
			assert.Equal(t, tok.Grant, st.Grant)
			assert.Equal(t, 2, w.seen(oauthstore.EventConnected))
		})
	}
}

// A verdict that comes with a credential was given by the clock of its caller.
func TestARefusalAfterAnImportsVerdictCountsOnAnyClock(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"same clocks": 0, "store ahead": time.Hour, "store behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.backend.clock.Store(int64(off))
				key := testKey("u")
				c := w.as.credential("u")
				c.Verdict = oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted, At: time.Now()}
				_, err := w.store.Put(t.Context(), key, c)
				require.NoError(t, err)
				wait(t, time.Minute)
				require.NoError(t, w.store.Reject(t.Context(), key, 1, seenAt(time.Now())))
				tok, err := w.store.Token(t.Context(), key, (&mcpServer{takes: all}).need())
				require.NoError(t, err)
				assert.EqualValues(t, 2, tok.Generation, "the refused pair is replaced")
			})
		})
	}
}

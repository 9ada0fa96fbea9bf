package connect_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

// deleting puts a place on a backend that deletes alice before the first write of
// a credential, after the code was exchanged.
func deleting(t *testing.T) *place {
	t.Helper()
	var b *hookedBackend
	p := newPlace(t, func(p *place) {
		b = hooked(p)
		p.AS.Metadata["device_authorization_endpoint"] = testIssuer + "/device"
	})
	var once atomic.Bool
	b.put = func(id backend.ID) error {
		if id.Kind == backend.KindCredential && once.CompareAndSwap(false, true) {
			report, err := p.Store.DeleteOwner(t.Context(), alice)
			assert.NoError(t, err)
			assert.Equal(t, 1, report.Consents)
		}
		return nil
	}
	return p
}

// nothingLeft requires that alice has no credential and no live grant.
func (p *place) nothingLeft(t *testing.T, err error) {
	t.Helper()
	assert.Equal(t, connect.KindStateUnknown, connect.KindOf(err))
	list, err := p.Store.List(t.Context(), alice)
	require.NoError(t, err)
	assert.Empty(t, list)
	assert.Equal(t, 1, p.AS.Count("POST /revoke"), "the new grant is revoked")
}

func TestConsentInFlightDoesNotRestoreADeletedOwner(t *testing.T) {
	t.Parallel()
	p := deleting(t)
	consent, err := p.Begin(t.Context(), example(), alice, nil)
	require.NoError(t, err)
	_, err = p.Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
	p.nothingLeft(t, err)
}

func TestDeviceConsentInFlightDoesNotRestoreADeletedOwner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := deleting(t)
		d, err := p.Device(t.Context(), example(), alice, nil)
		require.NoError(t, err)
		p.AS.Activate()
		_, err = d.Wait(t.Context())
		p.nothingLeft(t, err)
	})
}

func TestPendingConsentIsDeletedWithItsOwner(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	consents := map[oauthstore.Owner]*connect.Consent{}
	for _, owner := range []oauthstore.Owner{alice, bob} {
		consent, err := p.Begin(t.Context(), example(), owner, nil)
		require.NoError(t, err)
		consents[owner] = consent
	}
	report, err := p.Store.DeleteOwner(t.Context(), alice)
	require.NoError(t, err)
	assert.Equal(t, 1, report.Consents)
	_, err = p.Finish(t.Context(), alice, consents[alice].Binding, p.browse(t, consents[alice].URL))
	assert.Equal(t, connect.KindStateUnknown, connect.KindOf(err))
	_, err = p.Finish(t.Context(), bob, consents[bob].Binding, p.browse(t, consents[bob].URL))
	require.NoError(t, err)
}

// A rewrap writes the record of a flow as well, and nothing was deleted.
func TestRewrapDuringAConsentKeepsTheCredential(t *testing.T) {
	t.Parallel()
	var b *hookedBackend
	p := newPlace(t, func(p *place) { b = hooked(p) })
	consent, err := p.Begin(t.Context(), example(), alice, nil)
	require.NoError(t, err)
	var once atomic.Bool
	b.put = func(id backend.ID) error {
		if id.Kind != backend.KindCredential || !once.CompareAndSwap(false, true) {
			return nil
		}
		keys, ok := p.keys.(*keyset.Set)
		assert.True(t, ok)
		added, err := keys.Add()
		assert.NoError(t, err)
		assert.NoError(t, keys.Promote(added))
		n, err := p.Store.Rewrap(t.Context())
		assert.NoError(t, err)
		assert.Positive(t, n)
		return nil
	}
	_, err = p.Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
	require.NoError(t, err)
	list, err := p.Store.List(t.Context(), alice)
	require.NoError(t, err)
	assert.Len(t, list, 1)
}

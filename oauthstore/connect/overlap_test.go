package connect_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
)

// A hookedBackend lets a test act between the calls of a store.
type hookedBackend struct {
	backend.Backend
	// afterGet, if not nil, runs after each Get, before its caller has the answer.
	afterGet func(id backend.ID)
	// put, if not nil, may fail a Put.
	put func(id backend.ID) error
	// lost, if not nil, reports whether the answer to a Put that was done is lost.
	lost func(id backend.ID) bool
	// afterPut, if not nil, runs after each Put that was done.
	afterPut func(id backend.ID)
	down     atomic.Bool // no Get succeeds
}

func (b *hookedBackend) Get(ctx context.Context, id backend.ID) (backend.Record, error) {
	if b.down.Load() {
		return backend.Record{}, oauthstore.ErrUnavailable
	}
	rec, err := b.Backend.Get(ctx, id)
	if b.afterGet != nil {
		b.afterGet(id)
	}
	return rec, err
}

func (b *hookedBackend) Put(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
	if b.put != nil {
		if err := b.put(id); err != nil {
			return err
		}
	}
	err := b.Backend.Put(ctx, id, rec, ifVersion)
	if err == nil && b.afterPut != nil {
		b.afterPut(id)
	}
	if err == nil && b.lost != nil && b.lost(id) {
		return oauthstore.ErrUnavailable
	}
	return err
}

// hooked puts a hookedBackend into a place.
func hooked(p *place) *hookedBackend {
	b := &hookedBackend{Backend: p.Backend}
	p.Backend = b
	return b
}

// Two processes have both read the flow before either of them takes it.
func TestOfTwoCallbacksThatHaveBothReadTheFlowOneExchanges(t *testing.T) {
	t.Parallel()
	var b *hookedBackend
	p := newPlace(t, func(p *place) { b = hooked(p) })
	other := p.another(t)
	consent, err := p.Begin(t.Context(), example(), alice, nil)
	require.NoError(t, err)
	back := p.browse(t, consent.URL)
	var once atomic.Bool
	b.afterGet = func(id backend.ID) {
		if id.Kind == backend.KindFlow && once.CompareAndSwap(false, true) {
			_, err := other.Finish(t.Context(), alice, consent.Binding, back)
			assert.NoError(t, err)
		}
	}
	_, err = p.Finish(t.Context(), alice, consent.Binding, back)
	assert.Equal(t, connect.KindStateUsed, connect.KindOf(err))
	assert.Equal(t, 1, p.AS.Count("POST /token"), "a code that is sent twice ends the grant at many servers")
}

// Two processes have both found that the application is not registered.
func TestOfTwoFirstConnectsThatHaveBothReadOneRegisters(t *testing.T) {
	t.Parallel()
	var b *hookedBackend
	p := newPlace(t, func(p *place) { b = hooked(p) })
	other := p.another(t)
	var once atomic.Bool
	var theirs *connect.Consent
	b.afterGet = func(id backend.ID) {
		if id.Kind == backend.KindRegistration && once.CompareAndSwap(false, true) {
			var err error
			theirs, err = other.Begin(t.Context(), example(), bob, nil)
			assert.NoError(t, err)
		}
	}
	ours, err := p.Begin(t.Context(), example(), alice, nil)
	require.NoError(t, err)
	assert.Equal(t, theirs.ClientID, ours.ClientID)
	assert.Len(t, p.AS.Registrations(), 1)
}

// A code can be used once: once it was sent, the credential is stored even if
// the user closes the browser.
func TestConsentIsFinishedWhenTheBrowserGoesAway(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := newPlace(t, func(p *place) {
		p.AS.Token = func(http.ResponseWriter, *http.Request) bool {
			cancel()
			return false
		}
	})
	consent, err := p.Begin(t.Context(), example(), alice, nil)
	require.NoError(t, err)
	_, err = p.Finish(ctx, alice, consent.Binding, p.browse(t, consent.URL))
	require.NoError(t, err)
	st, err := p.Store.Status(t.Context(), keyOf(alice))
	require.NoError(t, err)
	assert.Equal(t, oauthstore.StateActive, st.State)
}

// A token that could not be stored is of no use to anyone, and lives.
func TestTokenThatCanNotBeStoredIsRevoked(t *testing.T) {
	t.Parallel()
	var b *hookedBackend
	p := newPlace(t, func(p *place) { b = hooked(p) })
	consent, err := p.Begin(t.Context(), example(), alice, nil)
	require.NoError(t, err)
	b.put = func(id backend.ID) error {
		if id.Kind == backend.KindCredential {
			return oauthstore.ErrUnavailable
		}
		return nil
	}
	_, err = p.Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
	assert.Equal(t, connect.KindUnavailable, connect.KindOf(err))
	require.Len(t, p.AS.revoked, 1)
	assert.Contains(t, p.AS.revoked[0], "refresh")
}

// The credential was stored and the answer was lost: it must not be revoked.
func TestTokenThatMayBeStoredIsNotRevoked(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]bool{"the store answers again": false, "the store stays out of reach": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b *hookedBackend
			p := newPlace(t, func(p *place) { b = hooked(p) })
			consent, err := p.Begin(t.Context(), example(), alice, nil)
			require.NoError(t, err)
			b.lost = func(id backend.ID) bool { return id.Kind == backend.KindCredential }
			if down {
				b.afterPut = func(id backend.ID) { b.down.Store(id.Kind == backend.KindCredential) }
			}
			_, err = p.Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
			b.down.Store(false)
			if down {
				assert.Equal(t, connect.KindUnavailable, connect.KindOf(err), "nobody knows whether it is stored")
			} else {
				require.NoError(t, err)
			}
			assert.Empty(t, p.AS.revoked)
			_, err = p.Store.Token(t.Context(), keyOf(alice), oauthstore.Need{})
			require.NoError(t, err)
		})
	}
}

// While its code is exchanged, and afterwards, the record of a flow holds
// neither the verifier nor the client's secret.
func TestTakenFlowHoldsNoSecret(t *testing.T) {
	t.Parallel()
	var taken []string
	p := newPlace(t, func(p *place) {
		p.keys = oauthstore.InsecureNoSeal
		p.AS.Secrets = true
		p.AS.Metadata["token_endpoint_auth_methods_supported"] = []string{"client_secret_basic"}
	})
	flows := func() []string {
		items, _, err := p.Backend.List(t.Context(), backend.Filter{Kind: backend.KindFlow}, "", 10)
		assert.NoError(t, err)
		var all []string
		for _, it := range items {
			all = append(all, string(it.Data))
		}
		return all
	}
	p.AS.Token = func(http.ResponseWriter, *http.Request) bool {
		taken = append(taken, flows()...)
		return false
	}
	consent, err := p.Begin(t.Context(), example(), alice, nil)
	require.NoError(t, err)
	open := strings.Join(flows(), "")
	require.Contains(t, open, `"verifier"`)
	require.Contains(t, open, "synthetic-secret-")
	_, err = p.Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
	require.NoError(t, err)
	verifier := p.AS.Forms()[0].Get("code_verifier")
	require.NotEmpty(t, verifier)
	taken = append(taken, flows()...)
	require.Len(t, taken, 2)
	for _, record := range taken {
		assert.NotContains(t, record, verifier)
		assert.NotContains(t, record, "synthetic-secret-")
	}
}

// Two replicas count the same step up.
func TestStepUpsOfTwoReplicasAreCountedTogether(t *testing.T) {
	t.Parallel()
	var b *hookedBackend
	p := newPlace(t, func(p *place) { b = hooked(p) })
	other := p.another(t)
	begin := func(c *connect.Connector, scope string) error {
		_, err := c.StepUp(t.Context(), example(), alice, insufficient(scope), nil)
		return err
	}
	require.NoError(t, begin(p.Connector, "one"))
	var once atomic.Bool
	b.afterGet = func(id backend.ID) {
		if id.Kind == backend.KindFlow && id.Tenant != "" && once.CompareAndSwap(false, true) {
			assert.NoError(t, begin(other, "two"))
		}
	}
	require.NoError(t, begin(p.Connector, "three"))
	assert.Equal(t, connect.KindTooManySteps, connect.KindOf(begin(p.Connector, "four")))
}

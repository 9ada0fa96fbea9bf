package relay_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/sleep"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// An issuer gives out tickets without a server.
type issuer struct {
	store *oauthstore.Store
	relay *relay.Relay
	sent  int // requests to MCP servers
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newIssuer(t *testing.T, db backend.Backend, keys *keyset.Set) *issuer {
	t.Helper()
	store, err := oauthstore.New(db, keys, nil)
	require.NoError(t, err)
	i := &issuer{store: store}
	i.relay, err = relay.New(store, keys, "https://api.acme.example/mcp", &relay.Options{
		InsecureTransport: roundTripper(func(r *http.Request) (*http.Response, error) {
			i.sent++
			return &http.Response{
				StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
				Body: http.NoBody, Request: r,
			}, nil
		}),
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, i.relay.Close(context.Background()))
		assert.NoError(t, store.Close(context.Background()))
	})
	return i
}

// ticket connects an owner and returns a ticket.
func (i *issuer) ticket(t *testing.T, subject string, change ...func(*mcptools.RelayGrant)) mcptools.RelayTicket {
	t.Helper()
	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: subject}, Provider: "notes", Server: "https://notes.example/mcp"}
	st, err := i.store.Put(t.Context(), key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-token-of-" + subject), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic, Way: "api_key"},
	})
	require.NoError(t, err)
	g := mcptools.RelayGrant{Key: key, Grant: st.Grant}
	for _, f := range change {
		f(&g)
	}
	ticket, err := i.relay.Ticket(t.Context(), g)
	require.NoError(t, err)
	return ticket
}

// status presents a ticket's text at a path.
func (i *issuer) status(path, text string) int {
	req := httptest.NewRequestWithContext(context.Background(), http.MethodPost, path, strings.NewReader(listCall))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+text)
	rec := httptest.NewRecorder()
	i.relay.ServeHTTP(rec, req)
	return rec.Code
}

func pathOf(t *testing.T, ticket mcptools.RelayTicket) string {
	t.Helper()
	u, err := url.Parse(ticket.URL)
	require.NoError(t, err)
	return u.Path
}

func TestNoneOf100000FalseTicketsIsAccepted(t *testing.T) {
	t.Parallel()
	db, keys := memstore.New(), newKeys(t)
	i := newIssuer(t, db, keys)
	foreign := newIssuer(t, memstore.New(), newKeys(t))
	type presented struct {
		path, text string
		raw        []byte
	}
	var good []presented
	for n := range 20 {
		ticket := i.ticket(t, fmt.Sprint("u", n))
		k := presented{path: pathOf(t, ticket), text: ticket.Ticket.Expose()}
		var err error
		k.raw, err = base64.RawURLEncoding.DecodeString(k.text)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, i.status(k.path, k.text), "a good ticket is accepted")
		require.True(t, i.relay.Authenticates(k.path, k.text))
		good = append(good, k)
	}
	sent := i.sent
	other := foreign.ticket(t, "u0").Ticket.Expose()
	gone := i.ticket(t, "gone")
	_, err := i.store.Disconnect(t.Context(), oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "gone"}, Provider: "notes", Server: "https://notes.example/mcp"})
	require.NoError(t, err)
	var records [][]byte // sealed with the same key, for another purpose
	items, _, err := db.List(t.Context(), backend.Filter{}, "", 100)
	require.NoError(t, err)
	for _, item := range items {
		records = append(records, item.Data)
	}
	require.NotEmpty(t, records)

	const swapped = 7 // the kind at the path of another credential
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	encode := base64.RawURLEncoding.EncodeToString
	falsify := []func(r *rand.Rand) (path, text string){
		func(r *rand.Rand) (string, string) { // a bit
			k := good[r.IntN(len(good))]
			raw := bytes.Clone(k.raw)
			raw[r.IntN(len(raw))] ^= 1 << r.IntN(8)
			return k.path, encode(raw)
		},
		func(r *rand.Rand) (string, string) { // a character, also one that decodes to the same bytes
			k := good[r.IntN(len(good))]
			text := []byte(k.text)
			at := r.IntN(len(text))
			if r.IntN(4) == 0 {
				at = len(text) - 1
			}
			for old := text[at]; text[at] == old; {
				text[at] = alphabet[r.IntN(len(alphabet))]
			}
			return k.path, string(text)
		},
		func(r *rand.Rand) (string, string) { // cut off
			k := good[r.IntN(len(good))]
			text := k.text
			return k.path, text[:r.IntN(len(text))]
		},
		func(r *rand.Rand) (string, string) { // longer
			k := good[r.IntN(len(good))]
			return k.path, k.text + strings.Repeat(string(alphabet[r.IntN(len(alphabet))]), 1+r.IntN(8))
		},
		func(r *rand.Rand) (string, string) { // padded, or with spaces
			k := good[r.IntN(len(good))]
			text := k.text
			at := r.IntN(len(text))
			return k.path, text[:at] + []string{"=", " ", "\r", "\n", ".", "%41", "+", "/"}[r.IntN(8)] + text[at:]
		},
		func(r *rand.Rand) (string, string) { // made up, also with the right key id
			raw := make([]byte, r.IntN(600))
			for i := range raw {
				raw[i] = byte(r.Uint32())
			}
			k := good[r.IntN(len(good))]
			if r.IntN(2) == 0 {
				copy(raw, k.raw[:5])
			}
			return k.path, encode(raw)
		},
		func(r *rand.Rand) (string, string) { // halves of two
			a, b := good[r.IntN(len(good))], good[r.IntN(len(good))]
			if a.text == b.text {
				return a.path, other
			}
			ta, tb := a.text, b.text
			at := 40 + r.IntN(min(len(ta), len(tb))-80) // not equal to one of them
			return a.path, ta[:at] + tb[at:]
		},
		func(r *rand.Rand) (string, string) { // at the path of another credential
			n := r.IntN(len(good))
			return good[(n+1+r.IntN(len(good)-1))%len(good)].path, good[n].text
		},
		func(r *rand.Rand) (string, string) { return good[0].path, encode(records[r.IntN(len(records))]) },
		func(*rand.Rand) (string, string) { return good[0].path, other },
	}
	for n := range 100_000 {
		r := rand.New(rand.NewPCG(1, uint64(n)))
		kind := n % len(falsify)
		path, text := falsify[kind](r)
		require.False(t, i.relay.Authenticates(path, text), "kind %d at %s: %q", kind, path, text)
		if n%100 == 0 {
			status := i.status(path, text)
			require.True(t, status == http.StatusUnauthorized || kind == swapped && status == http.StatusNotFound, "kind %d at %s: %q", kind, path, text)
		}
	}
	assert.Equal(t, http.StatusUnauthorized, i.status(pathOf(t, gone), gone.Ticket.Expose()), "the credential was disconnected")
	assert.Equal(t, sent, i.sent, "a request reached the server")
}

func TestTicketExpiresWithoutLeeway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t, memstore.New(), newKeys(t))
		for _, ttl := range []time.Duration{0, 90 * time.Minute, 24 * time.Hour} {
			ticket := i.ticket(t, "ada", func(g *mcptools.RelayGrant) { g.MinTTL = ttl })
			lives := max(ttl, time.Hour)
			assert.Equal(t, lives, time.Until(ticket.Expiry).Round(time.Millisecond))
			require.NoError(t, sleep.For(t.Context(), lives-time.Second))
			assert.Equal(t, http.StatusOK, i.status(pathOf(t, ticket), ticket.Ticket.Expose()))
			require.NoError(t, sleep.For(t.Context(), time.Until(ticket.Expiry)))
			assert.Equal(t, http.StatusUnauthorized, i.status(pathOf(t, ticket), ticket.Ticket.Expose()))
		}
	})
}

func TestTicketIsRefusedWhereItCantBeMade(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, memstore.New(), newKeys(t))
	key := oauthstore.Key{Owner: ada, Provider: "notes", Server: "https://notes.example/mcp"}
	many := make([]string, 400)
	for n := range many {
		many[n] = fmt.Sprint("tool_", n)
	}
	for name, g := range map[string]mcptools.RelayGrant{
		"too long":     {Key: key, AllowedTools: many},
		"for too long": {Key: key, MinTTL: 24*time.Hour + time.Second},
		"no owner":     {Key: oauthstore.Key{Provider: "notes", Server: "https://notes.example/mcp"}},
		"no server":    {Key: oauthstore.Key{Owner: ada, Provider: "notes"}},
		"loopback":     {Key: oauthstore.Key{Owner: ada, Provider: "notes", Server: "http://127.0.0.1:1/mcp"}},
	} {
		_, err := i.relay.Ticket(t.Context(), g)
		assert.Error(t, err, name)
	}
	_, err := i.relay.Ticket(t.Context(), mcptools.RelayGrant{Key: key, AllowedTools: many[:150]})
	require.NoError(t, err)
}

func TestURLStaysTheSameUntilTheOwnerConnectsAgain(t *testing.T) {
	t.Parallel()
	db, keys := memstore.New(), newKeys(t)
	a, b := newIssuer(t, db, keys), newIssuer(t, db, keys)
	first := a.ticket(t, "ada")
	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "ada"}, Provider: "notes", Server: "https://notes.example/mcp"}
	st, err := b.store.Status(t.Context(), key)
	require.NoError(t, err)
	second, err := b.relay.Ticket(t.Context(), mcptools.RelayGrant{Key: key, Grant: st.Grant, AllowedTools: []string{"search"}})
	require.NoError(t, err)
	assert.Equal(t, first.URL, second.URL, "another replica, another policy")
	assert.NotEqual(t, first.ID, second.ID)
	assert.NotContains(t, first.URL, "ada")
	assert.Equal(t, http.StatusOK, b.status(pathOf(t, first), first.Ticket.Expose()), "each replica serves the tickets of the other")

	again := a.ticket(t, "ada") // connects again
	assert.NotEqual(t, first.URL, again.URL)
	assert.Equal(t, http.StatusUnauthorized, b.status(pathOf(t, first), first.Ticket.Expose()))
	assert.Equal(t, http.StatusOK, b.status(pathOf(t, again), again.Ticket.Expose()))
	assert.NotEqual(t, pathOf(t, again), pathOf(t, a.ticket(t, "bob")))
}

func TestSealerThatDoesNotAuthenticateIsRefused(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	store, err := oauthstore.New(memstore.New(), keys, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.Background())) })
	for name, sealer := range map[string]backend.Sealer{
		"none": oauthstore.InsecureNoSeal, "a stream cipher": xorSealer{}, "no associated data": unbound{keys},
	} {
		_, err := relay.New(store, sealer, "https://api.acme.example", nil)
		assert.ErrorContains(t, err, "does not authenticate", name)
	}
	for _, public := range []string{"", "api.acme.example", "http://api.acme.example", "https://api.acme.example/?a=b", "https://u:p@api.acme.example", "https://api.acme.example/#x", "http://127.0.0.1:8080"} {
		_, err := relay.New(store, keys, public, nil)
		assert.Error(t, err, public)
	}
}

// xorSealer hides data and notices no change.
type xorSealer struct{ backend.Sealer }

func (xorSealer) Seal(_ context.Context, plain, _ []byte) ([]byte, error) {
	return bytes.Map(func(r rune) rune { return r ^ 1 }, plain), nil
}

func (s xorSealer) Open(ctx context.Context, sealed, ad []byte) ([]byte, error) {
	return s.Seal(ctx, sealed, ad)
}

// unbound ignores the associated data.
type unbound struct{ *keyset.Set }

func (u unbound) Seal(ctx context.Context, plain, _ []byte) ([]byte, error) {
	return u.Set.Seal(ctx, plain, nil)
}

func (u unbound) Open(ctx context.Context, sealed, _ []byte) ([]byte, error) {
	return u.Set.Open(ctx, sealed, nil)
}

func TestProviderOfOneCredentialIsNotUsedForAnother(t *testing.T) {
	t.Parallel()
	withdrawn := errors.New("withdrawn")
	s := one(t, &relay.Options{Provider: func(key oauthstore.Key) (providers.Provider, error) {
		if key.Owner != ada {
			return providers.Provider{}, withdrawn
		}
		return providers.Custom(key.Provider, key.Server, nil), nil
	}})
	bob := oauthstore.Owner{Tenant: "globex", Subject: "bob"}
	grants := make(map[oauthstore.Owner]mcptools.RelayGrant)
	for _, owner := range []oauthstore.Owner{ada, bob} {
		key := s.at(t, "https://own.example/mcp", owner)
		st, err := s.store.Status(t.Context(), key)
		require.NoError(t, err)
		grants[owner] = mcptools.RelayGrant{Key: key, Grant: st.Grant}
	}
	_, err := s.relay.Ticket(t.Context(), grants[ada])
	require.NoError(t, err)
	_, err = s.relay.Ticket(t.Context(), grants[bob])
	require.ErrorIs(t, err, withdrawn)
}

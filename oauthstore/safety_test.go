package oauthstore_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Everything that a caller can print, log or read back is searched for the
// tokens, secrets and keys that went in.
func TestNoSecretComesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		canaries := []string{"synthetic-client-secret", "synthetic-access", "synthetic-refresh", "synthetic-imported", "synthetic-extra"}
		w := newWorld(t, func(o *oauthstore.Options) {
			o.Logger = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
			o.Clients = func(context.Context, string, string) (oauthstore.Client, error) {
				return oauthstore.Client{Secret: oauthstore.NewSecret("synthetic-client-secret")}, nil
			}
		})
		plain, err := w.sealer.Clear()
		require.NoError(t, err)
		var text struct {
			Keyset struct {
				Key []struct {
					KeyData struct {
						Value string `json:"value"`
					} `json:"keyData"`
				} `json:"key"`
			} `json:"keyset"`
		}
		require.NoError(t, json.Unmarshal(plain, &text))
		canaries = append(canaries, text.Keyset.Key[0].KeyData.Value)

		say := func(v any) {
			fmt.Fprintf(&out, "%v %+v %#v %s %q %x\n", v, v, v, v, v, v)
			text, err := json.Marshal(v)
			if err == nil {
				out.Write(text)
			}
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		}
		seed := []byte("synthetic-signing-key-0123456789")
		client := oauthstore.Client{Secret: oauthstore.NewSecret("synthetic-client-secret"), Signer: oauthstore.NewSigner(ed25519.NewKeyFromSeed(seed))}
		canaries = append(canaries, "synthetic-signing", "115 121 110 116 104 101 116 105 99", base64.StdEncoding.EncodeToString(seed[:15]), hex.EncodeToString(seed[:16]))
		say(client)
		say(&client)
		say(struct{ Client oauthstore.Client }{client})
		key := testKey("u")
		c := w.as.credential("u")
		c.Provenance.AuthMethod, c.Provenance.Client = "client_secret_post", oauthstore.ClientApplication
		c.Secrets = map[string]oauthstore.Secret{"application_key": oauthstore.NewSecret("synthetic-extra")}
		say(c)
		say(&c)
		st, err := w.store.Put(t.Context(), key, c)
		require.NoError(t, err)
		say(st)
		tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		say(tok)
		say(&tok)
		say(struct{ nested oauthstore.Token }{tok})
		for _, body := range []string{`{"error":"invalid_client","error_description":"%s"}`, "<html>%s", `{"access_token":"bad %s"}`} {
			wait(t, 2*time.Hour)
			w.as.Answer = func(_ int, form url.Values, _ func() *http.Response) (*http.Response, error) {
				return answer(400, "application/json", fmt.Sprintf(body, form.Get("refresh_token")+form.Get("client_secret"))), nil
			}
			_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.Error(t, err)
			say(err)
			for ; err != nil; err = errors.Unwrap(err) {
				say(err)
			}
		}
		_, err = w.store.Put(t.Context(), key, oauthstore.Credential{AccessToken: oauthstore.NewSecret("Bearer synthetic-imported")})
		require.Error(t, err)
		say(err)
		say(w.store)
		say(w.sealer)
		say(w.sealer.Keys())
		for _, e := range w.events {
			say(e)
		}
		row, err := w.backend.Get(t.Context(), backend.ID{Kind: backend.KindCredential, Tenant: "acme", Subject: "u", Provider: "example", Server: testServer})
		require.NoError(t, err)
		out.Write(row.Data)
		for _, canary := range canaries {
			assert.NotContains(t, out.String(), canary)
		}
	})
}

func TestCiphertextBelongsToItsRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ctx := t.Context()
	keys := []oauthstore.Key{testKey("u"), testKey("v")}
	for _, change := range []func(*oauthstore.Key){
		func(k *oauthstore.Key) { k.Owner.Tenant = "acmeu"; k.Owner.Subject = "" },
		func(k *oauthstore.Key) { k.Owner.Tenant = "other" },
		func(k *oauthstore.Key) { k.Provider = "other" },
		func(k *oauthstore.Key) { k.Account = "second" },
		func(k *oauthstore.Key) { k.Server += "/" },
	} {
		k := testKey("u")
		change(&k)
		if k.Validate() == nil {
			keys = append(keys, k)
		}
	}
	ids := make([]backend.ID, len(keys))
	rows := make([]backend.Record, len(keys))
	for i, k := range keys {
		w.connect(t, k, nil)
		ids[i] = backend.ID{Kind: backend.KindCredential, Tenant: k.Owner.Tenant, Subject: k.Owner.Subject, Provider: k.Provider, Account: k.Account, Server: k.Server}
		var err error
		rows[i], err = w.backend.Get(ctx, ids[i])
		require.NoError(t, err)
	}
	reader := w.replica(t, nil)
	for i := range keys {
		for j := range keys {
			if i == j {
				continue
			}
			moved := rows[j]
			current, err := w.backend.Get(ctx, ids[i])
			require.NoError(t, err)
			// Even under the version that it was sealed for.
			moved.Version = max(current.Version+1, rows[j].Version)
			if rows[j].Version > current.Version {
				moved.Version = rows[j].Version
			}
			require.NoError(t, w.backend.Put(ctx, ids[i], moved, current.Version))
			_, err = reader.Status(ctx, keys[i])
			require.ErrorIs(t, err, backend.ErrSeal, "%v in the place of %v", keys[j], keys[i])
		}
	}
	// An older version of the same row does not open either.
	k := testKey("w")
	w.connect(t, k, nil)
	id := ids[0]
	id.Subject = "w"
	old, err := w.backend.Get(ctx, id)
	require.NoError(t, err)
	w.connect(t, k, nil)
	now, err := w.backend.Get(ctx, id)
	require.NoError(t, err)
	old.Version = now.Version + 1
	require.NoError(t, w.backend.Put(ctx, id, old, now.Version))
	_, err = reader.Status(ctx, k)
	require.ErrorIs(t, err, backend.ErrSeal)
	// Nor is a credential read in the clear as something else.
	w.connect(t, testKey("x"), nil)
	id.Subject = "x"
	data, _, err := storehandle.Of(reader).Records().Load(ctx, id)
	require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
	assert.Empty(t, data)
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t, nil)
	old := w.sealer.Keys()[0].ID
	for _, u := range []string{"a", "b", "c"} {
		w.connect(t, testKey(u), nil)
	}
	_, err := storehandle.Of(w.store).Records().Save(ctx, backend.ID{Kind: backend.KindFlow, Provider: "x"}, []byte("flow"), time.Time{}, 0)
	require.NoError(t, err)

	// Another machine has the keyset of before, and reads it again when it
	// meets a key that it lacks.
	plain, err := w.sealer.Clear()
	require.NoError(t, err)
	text, reloads := plain, 0
	other, err := keyset.Load(ctx, func(context.Context) ([]byte, error) { reloads++; return text, nil }, nil)
	require.NoError(t, err)
	lonely, err := keyset.Parse(plain)
	require.NoError(t, err)

	id, err := w.sealer.Add()
	require.NoError(t, err)
	require.Error(t, w.sealer.Drop(old, time.Now()), "the primary key can't be dropped")
	require.NoError(t, w.sealer.Promote(id))
	w.connect(t, testKey("d"), nil)
	use, err := w.store.KeyUse(ctx)
	require.NoError(t, err)
	assert.Equal(t, map[string]int{old: 4, id: 1}, use)

	n, err := w.store.Rewrap(ctx)
	require.NoError(t, err)
	assert.Equal(t, 4, n)
	use, err = w.store.KeyUse(ctx)
	require.NoError(t, err)
	assert.Equal(t, map[string]int{id: 5}, use)
	drop := w.sealer.Keys()[0].DropAfter
	require.ErrorIs(t, w.sealer.Drop(old, time.Now()), oauthstore.ErrUnavailable)
	require.NoError(t, w.sealer.Drop(old, drop))
	text, err = w.sealer.Clear()
	require.NoError(t, err)

	second, err := oauthstore.New(w.backend, other, nil)
	require.NoError(t, err)
	for _, u := range []string{"a", "b", "c", "d"} {
		_, err = second.Token(ctx, testKey(u), oauthstore.Need{})
		require.NoError(t, err)
	}
	assert.Equal(t, 2, reloads)

	third, err := oauthstore.New(w.backend, lonely, nil)
	require.NoError(t, err)
	_, err = third.Token(ctx, testKey("a"), oauthstore.Need{})
	require.ErrorIs(t, err, backend.ErrKeyUnavailable)
	require.NotErrorIs(t, err, oauthstore.ErrReauthorize)
	st, err := third.Status(ctx, testKey("a"))
	require.NoError(t, err)
	assert.Equal(t, oauthstore.StateUnknown, st.State)
	assert.Equal(t, oauthstore.ReasonKeyUnavailable, st.Reason)
	list, err := third.ListAll(ctx)
	require.NoError(t, err)
	assert.Len(t, list, 4)
	_, err = third.Put(ctx, testKey("a"), w.as.credential("again"))
	require.NoError(t, err, "its owner gets going again")
	d, err := third.Disconnect(ctx, testKey("b"))
	require.NoError(t, err)
	assert.True(t, d.Removed)
}

func TestRecordsThatCanNotBeReadDoNotHideTheOthers(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t, nil)
	for _, u := range []string{"a", "b", "c"} {
		w.connect(t, testKey(u), nil)
	}
	id := credentialID(testKey("b"))
	row, err := w.backend.Get(ctx, id)
	require.NoError(t, err)
	row.Data[len(row.Data)-1] ^= 1
	altered := row
	altered.Version++
	require.NoError(t, w.backend.Put(ctx, id, altered, row.Version))
	list, err := w.replica(t, nil).ListAll(ctx)
	require.NoError(t, err)
	require.Len(t, list, 3)
	states := []oauthstore.State{list[0].State, list[1].State, list[2].State}
	assert.Equal(t, []oauthstore.State{oauthstore.StateActive, oauthstore.StateUnknown, oauthstore.StateActive}, states)
	assert.Empty(t, list[1].Reason, "its key is there")
	assert.Equal(t, testKey("b"), list[1].Key)
}

func TestUnusableCredentialsAreNotStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, change := range map[string]func(*oauthstore.Credential){
		"no token at all": func(c *oauthstore.Credential) { c.AccessToken = oauthstore.Secret{} },
		"only what goes with a token": func(c *oauthstore.Credential) {
			c.AccessToken, c.Secrets = oauthstore.Secret{}, map[string]oauthstore.Secret{"email": oauthstore.NewSecret("synthetic-email")}
		},
		"a header line":         func(c *oauthstore.Credential) { c.AccessToken = oauthstore.NewSecret("Bearer synthetic") },
		"another token type":    func(c *oauthstore.Credential) { c.TokenType = "DPoP" },
		"no provenance":         func(c *oauthstore.Credential) { c.Provenance.Obtained = "" },
		"nowhere to refresh it": func(c *oauthstore.Credential) { c.Provenance.TokenEndpoint = "" },
	} {
		c := w.as.credential("u")
		change(&c)
		_, err := w.store.Put(t.Context(), testKey("u"), c)
		require.ErrorIs(t, err, oauthstore.ErrMisconfigured, name)
		_, err = w.store.Status(t.Context(), testKey("u"))
		require.ErrorIs(t, err, oauthstore.ErrNotFound, name)
	}
}

func TestDisconnect(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t, nil)
	second := testKey("u")
	second.Account = "second"
	w.connect(t, testKey("u"), nil)
	w.connect(t, second, nil)

	d, err := w.store.Disconnect(ctx, testKey("u"))
	require.NoError(t, err)
	assert.True(t, d.Removed)
	assert.Nil(t, d.Revoked, "another credential shares the grant's issuer and client")
	_, err = w.store.Token(ctx, testKey("u"), oauthstore.Need{})
	require.ErrorIs(t, err, oauthstore.ErrNotFound)

	d, err = w.store.Disconnect(ctx, second)
	require.NoError(t, err)
	require.NotNil(t, d.Revoked)
	assert.True(t, *d.Revoked)
	require.Len(t, w.as.Revoked(), 1)
	assert.Contains(t, w.as.Revoked()[0], "refresh")

	d, err = w.store.Disconnect(ctx, second)
	require.NoError(t, err)
	assert.Equal(t, oauthstore.Disconnected{}, d)
	list, err := w.store.List(ctx, second.Owner)
	require.NoError(t, err)
	assert.Empty(t, list)

	st := w.connect(t, second, nil)
	assert.EqualValues(t, 2, st.Generation, "a reconnect counts on")
}

func TestTombstonesArePurgedAfterADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		_, err := w.store.Disconnect(t.Context(), key)
		require.NoError(t, err)
		wait(t, 23*time.Hour)
		n, err := w.store.Purge(t.Context())
		require.NoError(t, err)
		assert.Empty(t, n)
		wait(t, 2*time.Hour)
		n, err = w.store.Purge(t.Context())
		require.NoError(t, err)
		assert.Equal(t, map[string]int{backend.KindCredential: 1}, n)
	})
}

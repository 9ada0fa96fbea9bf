package connect_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
	"github.com/toolgrant/toolgrant/providers"
)

// An order is the task of a process of its own.
type order struct {
	Folder   string `json:"folder"` // of the store and its keys
	Server   string `json:"server"`
	Binding  string `json:"binding"`  // with Callback: what the browser has
	Callback string `json:"callback"` // "" begins
}

// A report is what it did.
type report struct {
	PID     int          `json:"pid"`
	URL     string       `json:"url"`
	Binding string       `json:"binding"`
	Kind    connect.Kind `json:"kind"`
	Token   string       `json:"token"`
}

const orderVariable = "TOOLGRANT_TEST_ORDER"

// obey is the main function of such a process.
func obey(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	ctx := context.Background()
	keyText, err := os.ReadFile(filepath.Join(o.Folder, "keys"))
	if err != nil {
		return err
	}
	keys, err := keyset.Parse(keyText)
	if err != nil {
		return err
	}
	backend, err := sqlitestore.Open(ctx, filepath.Join(o.Folder, "store.db"), nil)
	if err != nil {
		return err
	}
	defer backend.Close()
	store, err := oauthstore.New(backend, keys, &oauthstore.Options{InsecureAllowLoopback: true})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close(ctx) }()
	c, err := connect.New(store, &connect.Options{RedirectURL: "http://localhost:1/callback", InsecureAllowLoopback: true})
	if err != nil {
		return err
	}
	r := report{PID: os.Getpid()}
	if o.Callback == "" {
		consent, err := c.Begin(ctx, providers.Custom("notes", o.Server, nil), alice, nil)
		if err != nil {
			return err
		}
		r.URL, r.Binding = consent.URL, consent.Binding.Expose()
	} else {
		result, err := c.Finish(ctx, alice, oauthstore.NewSecret(o.Binding), o.Callback)
		r.Kind = connect.KindOf(err)
		if err == nil {
			token, err := store.Token(ctx, result.Status.Key, oauthstore.Need{})
			if err != nil {
				return err
			}
			r.Token = token.AccessToken.Expose()
		}
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// process runs an order in a process of its own.
func process(t *testing.T, o order) report {
	t.Helper()
	text, err := json.Marshal(o)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), orderVariable+"="+string(text))
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		require.NoError(t, err, "%s", exit.Stderr)
	}
	require.NoError(t, err)
	var r report
	require.NoError(t, json.Unmarshal(out, &r))
	return r
}

// follow plays a browser at a real server, up to the callback.
func follow(t *testing.T, target string) string {
	t.Helper()
	status, to := get(t, target)
	require.Equal(t, http.StatusFound, status, to)
	return to
}

func TestAConsentThatOneProcessBeganAnotherFinishes(t *testing.T) {
	t.Parallel()
	world, err := lab.Start(nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, world.Close()) })
	o := order{Folder: t.TempDir(), Server: world.Server("notes").MCPURL}
	keys, err := keyset.New()
	require.NoError(t, err)
	plain, err := keys.Clear()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(o.Folder, "keys"), plain, 0o600))

	a := process(t, o)
	o.Binding, o.Callback = a.Binding, follow(t, a.URL)
	b := process(t, o)
	assert.Empty(t, b.Kind)
	assert.True(t, world.Active(b.Token))
	c := process(t, o)
	assert.Equal(t, connect.KindStateUsed, c.Kind)
	pids := map[int]bool{os.Getpid(): true, a.PID: true, b.PID: true, c.PID: true}
	assert.Len(t, pids, 4, fmt.Sprint(pids))
}

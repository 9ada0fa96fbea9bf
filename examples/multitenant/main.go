package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "multitenant:", err)
		os.Exit(1)
	}
}

// Users of two companies. Both companies have a user 7.
var (
	mia = oauthstore.Owner{Tenant: "acme", Subject: "7"}
	noa = oauthstore.Owner{Tenant: "globex", Subject: "7"}
)

func run(ctx context.Context, out io.Writer) (err error) {
	world, err := lab.Start(&lab.Options{Servers: []lab.Server{{Name: "acme"}, {Name: "globex", Confidential: true}}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	b, err := newBackend(world)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.store.Close(context.WithoutCancel(ctx))) }()
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	ask := func(user oauthstore.Owner) {
		text, err := b.ask(ctx, user, "What is new?")
		if failure, ok := mcptools.AsFailure(err); ok {
			text = failure.PublicMessage()
		} else if err != nil {
			text = err.Error()
		}
		say("   user 7 of %s: %s", user.Tenant, strings.ReplaceAll(text, "\n", "\n      "))
	}

	say("1. User 7 of Acme connects twice, as mia and as the shared account. User 7 of Globex has not connected.")
	for account, name := range map[string]string{"": "mia", "shared": "everyone"} {
		if err := b.connected(ctx, world, mia, account, name); err != nil {
			return err
		}
	}
	ask(mia)
	ask(noa)

	say("2. Globex connects with the application that its administrator registered.")
	if err := b.connected(ctx, world, noa, "", "noa"); err != nil {
		return err
	}
	ask(noa)

	say("3. Acme leaves: its credentials are revoked and deleted. Globex does not notice.")
	report, err := b.store.DeleteTenant(ctx, mia.Tenant)
	if err != nil {
		return err
	}
	say("   deleted %d credentials, revoked %d", report.Credentials(), report.Revoked)
	ask(mia)
	ask(noa)
	return nil
}

func newBackend(world *lab.World) (*backend, error) {
	acme, globex := world.Server("acme"), world.Server("globex")
	b := &backend{customers: map[string]customer{
		"acme": {ServerURL: acme.MCPURL},
		"globex": {ServerURL: globex.MCPURL, App: connect.App{
			Owner: oauthstore.Owner{Tenant: "globex"}, Issuer: globex.Issuer, Servers: []string{globex.MCPURL},
			ID: globex.ClientID, Secret: oauthstore.NewSecret(globex.ClientSecret),
		}},
	}}
	var apps connect.Apps // also for connect.Options.Apps, where users connect
	for _, c := range b.customers {
		if c.App.ID != "" {
			apps = append(apps, c.App)
		}
	}
	keys, err := keyset.New()
	if err != nil {
		return nil, err
	}
	b.store, err = oauthstore.New(memstore.New(), keys, &oauthstore.Options{Clients: apps.Client, InsecureAllowLoopback: true})
	if err != nil {
		return nil, err
	}
	info := world.Info()
	b.client = openai.NewClient(option.WithBaseURL(info.OpenAIBaseURL), option.WithAPIKey(info.OpenAIAPIKey))
	b.set, err = newSet(tracker(), b.store, true)
	return b, err
}

// connected stores what a consent of the user as name would store.
func (b *backend) connected(ctx context.Context, world *lab.World, user oauthstore.Owner, account, name string) error {
	_, err := b.store.Put(ctx, b.key(user, account), world.Grant(user.Tenant, name).Credential())
	return err
}

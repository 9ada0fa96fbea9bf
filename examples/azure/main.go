package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "azure:", err)
		os.Exit(1)
	}
}

// mia is the user of this program.
var mia = oauthstore.Owner{Tenant: "acme", Subject: "mia"}

func run(ctx context.Context, out io.Writer) (err error) {
	world, err := lab.Start(&lab.Options{Platform: "azure", Servers: []lab.Server{{Name: "notes"}}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, &oauthstore.Options{InsecureAllowLoopback: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close(context.WithoutCancel(ctx))) }()
	notes := providers.Custom("notes", world.Server("notes").MCPURL, &providers.CustomOptions{Name: "Notes"})
	key := oauthstore.Key{Owner: mia, Provider: notes.ID, Server: notes.Server.URL}
	if _, err := store.Put(ctx, key, world.Grant("notes", mia.Subject).Credential()); err != nil {
		return err
	}
	set, err := newSet(notes, store, true)
	if err != nil {
		return err
	}
	info := world.Info()
	client := newClient(info.OpenAIBaseURL, info.OpenAIAPIKey)
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }

	say("1. The token is where Azure reads it, in headers:")
	tools, err := set.Build(ctx, mia, nil)
	if err != nil {
		return err
	}
	entry, err := json.Marshal(tools.Tools()[0])
	if err != nil {
		return err
	}
	say("   %s", hide(entry))
	text, err := ask(ctx, client, set, mia, "What do my notes say?")
	if err != nil {
		return err
	}
	say("   %s", text)

	say("2. The token expires an hour early. Azure's error does not name the server, only its URL, and a fresh token is sent all the same:")
	world.Expire()
	if err := world.Fault("openai:azure*1"); err != nil {
		return err
	}
	before := len(world.ModelRequests())
	if text, err = ask(ctx, client, set, mia, "What do my notes say?"); err != nil {
		return err
	}
	say("   %s\n   requests: %d", text, len(world.ModelRequests())-before)

	say("3. An entry for OpenAI is not sent to Azure, which would use the server without the token:")
	builder, err := mcptools.NewBuilder(notes, store, &mcptools.Options{InsecureAllowLoopback: true})
	if err != nil {
		return err
	}
	if set, err = mcptools.NewSet(builder); err != nil {
		return err
	}
	_, err = ask(ctx, newClient("https://acme.openai.azure.com/openai/v1/", "key"), set, mia, "What do my notes say?")
	say("   %v", err)

	say("4. What Azure's documentation does not mention is refused by name:")
	_, err = mcptools.NewBuilder(notes, store, &mcptools.Options{
		Platform: platform.Azure(), Description: "Mia's notes", DeferLoading: true, InsecureAllowLoopback: true,
	})
	say("   %v", err)
	return nil
}

var secret = regexp.MustCompile(`Bearer [^"]*|http://127\.0\.0\.1:\d+`)

// hide removes the token, and the port, which differs each time.
func hide(entry []byte) string {
	return secret.ReplaceAllStringFunc(string(entry), func(s string) string {
		if s[0] == 'B' {
			return "Bearer …"
		}
		return "http://127.0.0.1"
	})
}

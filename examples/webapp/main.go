package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

func main() {
	address := flag.String("listen", "127.0.0.1:8080", "loopback address of the site")
	ids := flag.String("providers", "", "provider ids of the catalogue, such as notion,linear, instead of the local world")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *address, *ids, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "webapp:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address, ids string, out io.Writer) (err error) {
	a := &app{sessions: map[string]oauthstore.Owner{}}
	if ids == "" {
		if a.world, err = lab.Start(nil); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, a.world.Close()) }()
		a.useWorld()
	} else {
		a.client = openai.NewClient() // reads OPENAI_API_KEY
		for id := range strings.SplitSeq(ids, ",") {
			p, ok := providers.Lookup(id)
			if !ok {
				return fmt.Errorf("unknown provider %q", id)
			}
			a.providers = append(a.providers, p)
		}
	}
	keys, err := keyset.New()
	if err != nil {
		return err
	}
	// For a persistent store, use sqlitestore.Open or pgstore.New.
	a.store, err = oauthstore.New(memstore.New(), keys, &oauthstore.Options{Clients: a.apps.Client, InsecureAllowLoopback: a.world != nil})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.store.Close(context.WithoutCancel(ctx))) }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	site := "http://" + listener.Addr().String()
	handler, err := a.handler(site)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	_, _ = fmt.Fprintf(out, "Open %s/ and connect a server. Press Ctrl-C to stop.\n", site)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// useWorld uses the servers of the local world: Notes, with dynamic
// registration, and Tasks, with an application registered in advance.
func (a *app) useWorld() {
	info, notes, tasks := a.world.Info(), a.world.Server("notes"), a.world.Server("tasks")
	a.client = openai.NewClient(option.WithBaseURL(info.OpenAIBaseURL), option.WithAPIKey(info.OpenAIAPIKey))
	a.apps = connect.Apps{{
		Issuer: tasks.Issuer, Servers: []string{tasks.MCPURL}, ID: tasks.ClientID, Secret: oauthstore.NewSecret(tasks.ClientSecret),
	}}
	a.providers = []providers.Provider{
		providers.Custom("notes", notes.MCPURL, &providers.CustomOptions{Name: "Notes"}),
		providers.Custom("tasks", tasks.MCPURL, &providers.CustomOptions{Name: "Tasks"}),
	}
}

// handler creates the parts of the backend: a builder for each provider, the
// connector that fills the store, and the handlers.
func (a *app) handler(site string) (http.Handler, error) {
	var builders []*mcptools.Builder
	for _, p := range a.providers {
		b, err := mcptools.NewBuilder(p, a.store, &mcptools.Options{
			ReadOnly: true, Approval: mcptools.ApprovalNever, // read-only tools without approval
			InsecureAllowLoopback: a.world != nil,
		})
		if err != nil {
			return nil, err
		}
		builders = append(builders, b)
	}
	tools, err := mcptools.NewSet(builders...)
	if err != nil {
		return nil, err
	}
	a.tools = tools
	connector, err := connect.New(a.store, &connect.Options{
		RedirectURL: site + "/callback", ClientName: "Acme", Apps: a.apps, InsecureAllowLoopback: a.world != nil,
		Verify: tools.Verifier(),
	})
	if err != nil {
		return nil, err
	}
	web, err := connector.Web(a.signedIn, &connect.WebOptions{Providers: a.providers, SignIn: http.RedirectHandler("/", http.StatusSeeOther)})
	if err != nil {
		return nil, err
	}
	return a.routes(web), nil
}

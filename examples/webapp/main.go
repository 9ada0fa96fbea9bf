package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session/sessionhttp"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/providers"
)

// A config has the flags.
type config struct {
	listen, providers, store, data, model string
	pace                                  time.Duration // of the local world's tools
}

func main() {
	c := config{pace: 700 * time.Millisecond}
	flag.StringVar(&c.listen, "listen", "127.0.0.1:8080", "loopback `address` of the site")
	flag.StringVar(&c.providers, "providers", "", "`ids` of the catalogue, such as notion,linear, instead of the local world; needs OPENAI_API_KEY")
	flag.StringVar(&c.model, "model", "gpt-5", "`model` of OpenAI")
	flag.StringVar(&c.store, "store", "", "postgres:// `URL` of the database (default SQLite in the folder of -data)")
	flag.StringVar(&c.data, "data", "", "`folder` of the keyset and of SQLite (default webapp-data, or a temporary one for the local world)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, c, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "webapp:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c config, out io.Writer) (err error) {
	a := &app{model: c.model}
	var apps connect.Apps // registered by hand
	if c.providers == "" {
		if a.world, err = startWorld(c.pace); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, a.world.Close()) }()
		a.offered, apps = ofWorld(a.world)
		a.client = openai.NewClient(option.WithBaseURL(a.world.Info().OpenAIBaseURL), option.WithAPIKey(a.world.Info().OpenAIAPIKey))
	} else if err = a.useCatalogue(c.providers); err != nil {
		return err
	}
	if c.data == "" && a.world != nil && c.store == "" {
		if c.data, err = os.MkdirTemp("", "webapp"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.data)) }()
	} else if c.data == "" {
		c.data = "webapp-data"
	}

	if err = a.openStores(ctx, c, apps); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, a.credentials.Close(context.WithoutCancel(ctx)), a.table.Close())
	}()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.listen)
	if err != nil {
		return err
	}
	site := "http://" + listener.Addr().String()
	chats, err := a.build(site, apps)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	_, _ = fmt.Fprintf(out, "Open %s/ and chat. Press Ctrl-C to stop.\n", site)
	server := &http.Server{Handler: onlyHere(listener.Addr(), a.routes(chats)), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, chats.Close(ctx), server.Shutdown(ctx)) // streams and turns first
}

// useCatalogue offers providers of the catalogue, with the real OpenAI.
func (a *app) useCatalogue(ids string) error {
	if os.Getenv("OPENAI_API_KEY") == "" {
		return errors.New("-providers needs OPENAI_API_KEY")
	}
	a.client = openai.NewClient() // reads OPENAI_API_KEY
	for id := range strings.SplitSeq(ids, ",") {
		p, ok := providers.Lookup(id)
		if !ok {
			return fmt.Errorf("unknown provider %q", id)
		}
		a.offered = append(a.offered, p)
	}
	return nil
}

// openStores opens the keyset, and the database for the application and its
// credentials.
func (a *app) openStores(ctx context.Context, c config, apps connect.Apps) error {
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		return err
	}
	file := keyset.File(filepath.Join(c.data, "keys.json"))
	if _, err := keyset.Create(ctx, file, nil); err != nil && !errors.Is(err, keyset.ErrChanged) {
		return err
	}
	keys, err := keyset.Load(ctx, file.Read, nil)
	if err != nil {
		return err
	}
	var records backend.Backend
	switch {
	case c.store == "":
		a.table, records, err = openSQLite(ctx, c.data)
	case strings.HasPrefix(c.store, "postgres://"), strings.HasPrefix(c.store, "postgresql://"):
		a.table, records, err = openPostgres(ctx, c.store)
	default:
		err = fmt.Errorf("-store %q needs a postgres:// URL", c.store)
	}
	if err != nil {
		return err
	}
	a.credentials, err = oauthstore.New(records, keys, &oauthstore.Options{Clients: apps.Client, InsecureAllowLoopback: a.world != nil})
	if err != nil {
		return errors.Join(err, a.table.Close())
	}
	return nil
}

// build makes a builder for each provider, the connector that fills the store, and
// the handler of the chats.
func (a *app) build(site string, apps connect.Apps) (*sessionhttp.Handler, error) {
	var builders []*mcptools.Builder
	for _, p := range a.offered {
		b, err := mcptools.NewBuilder(p, a.credentials, &mcptools.Options{
			Approval:              mcptools.Approval{InsecureTrustReadOnly: true}, // users approve what is not read-only
			InsecureAllowLoopback: a.world != nil,
		})
		if err != nil {
			return nil, err
		}
		builders = append(builders, b)
	}
	var err error
	if a.tools, err = mcptools.NewSet(builders...); err != nil {
		return nil, err
	}
	connector, err := connect.New(a.credentials, &connect.Options{
		RedirectURL: site + "/callback", ClientName: "Harbor", Apps: apps, InsecureAllowLoopback: a.world != nil, Verify: a.tools.Verifier(),
	})
	if err != nil {
		return nil, err
	}
	a.web, err = connector.Web(a.signedIn, &connect.WebOptions{Providers: a.offered, SignIn: http.RedirectHandler("/", http.StatusSeeOther)})
	if err != nil {
		return nil, err
	}
	return sessionhttp.New(a.signedIn, a.open, a.table, &sessionhttp.Options{Logger: slog.Default()})
}

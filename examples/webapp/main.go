package main

import (
	"context"
	"database/sql"
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
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/session/sessionhttp"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
	"github.com/toolgrant/toolgrant/providers"
)

func main() {
	address := flag.String("listen", "127.0.0.1:8080", "loopback address of the site")
	ids := flag.String("providers", "", "provider ids of the catalogue, such as notion,linear, instead of the local world")
	folder := flag.String("data", "", "folder of the database and the keyset; webapp-data, or a temporary one for the local world")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *address, *ids, *folder, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "webapp:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address, ids, folder string, out io.Writer) (err error) {
	a := &app{}
	var offered []providers.Provider
	var apps connect.Apps // registered by hand
	if ids == "" {
		if a.world, err = startWorld(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, a.world.Close()) }()
		offered, apps = ofWorld(a.world)
		a.client = openai.NewClient(option.WithBaseURL(a.world.Info().OpenAIBaseURL), option.WithAPIKey(a.world.Info().OpenAIAPIKey))
		if folder == "" {
			if folder, err = os.MkdirTemp("", "webapp"); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
		}
	} else {
		a.client = openai.NewClient() // reads OPENAI_API_KEY
		for id := range strings.SplitSeq(ids, ",") {
			p, ok := providers.Lookup(id)
			if !ok {
				return fmt.Errorf("unknown provider %q", id)
			}
			offered = append(offered, p)
		}
		if folder == "" {
			folder = "webapp-data"
		}
	}

	credentials, err := a.openStores(ctx, folder, apps)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, credentials.Close(context.WithoutCancel(ctx)), a.table.Close())
	}()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	site := "http://" + listener.Addr().String()
	chats, err := a.build(site, offered, apps, credentials)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	_, _ = fmt.Fprintf(out, "Open %s/ and chat. Press Ctrl-C to stop.\n", site)
	server := &http.Server{Handler: a.routes(chats), ReadHeaderTimeout: 10 * time.Second}
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

// openStores opens the keyset, and the database for the application and its
// credentials.
func (a *app) openStores(ctx context.Context, folder string, apps connect.Apps) (*oauthstore.Store, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	file := keyset.File(filepath.Join(folder, "keys.json"))
	if _, err := keyset.Create(ctx, file, nil); err != nil && !errors.Is(err, keyset.ErrChanged) {
		return nil, err
	}
	keys, err := keyset.Load(ctx, file.Read, nil)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "webapp.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	a.table = table{db}
	if _, err = db.ExecContext(ctx, tables); err == nil {
		err = sqlitestore.Migrate(ctx, db)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return oauthstore.New(sqlitestore.New(db), keys, &oauthstore.Options{Clients: apps.Client, InsecureAllowLoopback: a.world != nil})
}

// build makes a builder for each provider, the connector that fills the store, and
// the handler of the chats.
func (a *app) build(site string, offered []providers.Provider, apps connect.Apps, credentials *oauthstore.Store) (*sessionhttp.Handler, error) {
	var builders []*mcptools.Builder
	for _, p := range offered {
		b, err := mcptools.NewBuilder(p, credentials, &mcptools.Options{
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
	connector, err := connect.New(credentials, &connect.Options{
		RedirectURL: site + "/callback", ClientName: "Acme", Apps: apps, InsecureAllowLoopback: a.world != nil, Verify: a.tools.Verifier(),
	})
	if err != nil {
		return nil, err
	}
	a.web, err = connector.Web(a.signedIn, &connect.WebOptions{Providers: offered, SignIn: http.RedirectHandler("/", http.StatusSeeOther)})
	if err != nil {
		return nil, err
	}
	return sessionhttp.New(a.signedIn, a.open, a.table, &sessionhttp.Options{Logger: slog.Default()})
}

// startWorld starts the local world, whose model does what the buttons of the page
// ask for.
func startWorld() (*lab.World, error) {
	script, err := lab.ParseScript([]byte(`{"turns": [
		{"when": "order", "steps": [{"call": {"tool": "open_orders"}}, {"say": "{{last}}"}]},
		{"when": "note", "steps": [{"call": {"server_label": "notes", "tool": "write", "arguments": {"text": "Buy printer paper"}}}, {"say": "Done: {{all}}"}]},
		{"when": "task", "steps": [{"call": {"server_label": "tasks", "tool": "write", "arguments": {"text": "Call the printer"}}}, {"say": "Done: {{all}}"}]}]}`))
	if err != nil {
		return nil, err
	}
	return lab.Start(&lab.Options{Script: script})
}

// ofWorld returns the servers of the local world: Notes, with dynamic registration,
// and Tasks, with an application registered in advance.
func ofWorld(world *lab.World) ([]providers.Provider, connect.Apps) {
	notes, tasks := world.Server("notes"), world.Server("tasks")
	apps := connect.Apps{{
		Issuer: tasks.Issuer, Servers: []string{tasks.MCPURL}, ID: tasks.ClientID, Secret: oauthstore.NewSecret(tasks.ClientSecret),
	}}
	return []providers.Provider{
		providers.Custom("notes", notes.MCPURL, &providers.CustomOptions{Name: "Notes"}),
		providers.Custom("tasks", tasks.MCPURL, &providers.CustomOptions{Name: "Tasks"}),
	}, apps
}

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
	"path/filepath"
	"slices"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
	"github.com/toolgrant/toolgrant/providers"
)

func main() {
	c := config{provider: providers.Linear()}
	flag.StringVar(&c.listen, "listen", "127.0.0.1:8080", "address of the site")
	flag.StringVar(&c.dir, "dir", ".", "folder of the database and the keyset")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, c, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "basic:", err)
		os.Exit(1)
	}
}

type config struct {
	listen, dir string
	provider    providers.Provider
	loopback    bool // the servers are on this machine, as in the test
}

func run(ctx context.Context, c config, out io.Writer) (err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.listen)
	if err != nil {
		return err
	}
	site := "http://" + listener.Addr().String()
	store, closeStore, err := openStore(ctx, c)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, closeStore()) }()
	handler, err := newHandler(c, site, store, openai.NewClient()) // reads OPENAI_API_KEY
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	_, _ = fmt.Fprintf(out, "Open %s/ and connect %s. Press Ctrl-C to stop.\n", site, c.provider.Name)
	server := &http.Server{Handler: onlyHere(listener.Addr(), handler), ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// onlyHere rejects requests for other addresses than the listener's. Otherwise a
// web page whose name resolves to this machine (DNS rebinding) could read
// the user's answers.
func onlyHere(listener net.Addr, site http.Handler) http.Handler {
	_, port, _ := net.SplitHostPort(listener.String())
	own := []string{listener.String(), "127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(own, r.Host) && !slices.Contains(own, r.Host+":80") {
			http.Error(w, "this is not an address of the site", http.StatusMisdirectedRequest)
			return
		}
		site.ServeHTTP(w, r)
	})
}

// openStore opens the credentials and the keyset that seals them. The first run
// creates both. In production, keep the keyset in a secret manager.
func openStore(ctx context.Context, c config) (store *oauthstore.Store, closeStore func() error, err error) {
	file := keyset.File(filepath.Join(c.dir, "keyset.json"))
	keys, err := keyset.Load(ctx, file.Read, nil)
	if errors.Is(err, os.ErrNotExist) {
		keys, err = keyset.Create(ctx, file, nil)
	}
	if err != nil {
		return nil, nil, err
	}
	database, err := sqlitestore.Open(ctx, filepath.Join(c.dir, "toolgrant.db"), nil)
	if err != nil {
		return nil, nil, err
	}
	store, err = oauthstore.New(database, keys, &oauthstore.Options{InsecureAllowLoopback: c.loopback})
	if err != nil {
		return nil, nil, errors.Join(err, database.Close())
	}
	return store, func() error {
		return errors.Join(store.Close(context.WithoutCancel(ctx)), database.Close()) // the store first: it saves what is in flight
	}, nil
}

func newHandler(c config, site string, store *oauthstore.Store, client openai.Client) (http.Handler, error) {
	builder, err := mcptools.NewBuilder(c.provider, store, &mcptools.Options{
		ReadOnly: true, Approval: mcptools.ApprovalNever, // read-only tools without approval
		InsecureAllowLoopback: c.loopback,
	})
	if err != nil {
		return nil, err
	}
	set, err := mcptools.NewSet(builder)
	if err != nil {
		return nil, err
	}
	connector, err := connect.New(store, &connect.Options{
		RedirectURL: site + "/callback", ClientName: "Basic example", Verify: builder.Verifier(), InsecureAllowLoopback: c.loopback,
	})
	if err != nil {
		return nil, err
	}
	pages, err := connector.Web(signedIn, &connect.WebOptions{Providers: []providers.Provider{c.provider}})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/connect/", pages.Connect()) // the page on which users connect and disconnect
	mux.Handle("/callback", pages.Callback())
	mux.HandleFunc("GET /{$}", home)
	mux.HandleFunc("POST /ask", ask(client, set))
	return http.NewCrossOriginProtection().Handler(mux), nil
}

// signedIn returns the user of a request. Replace it with your own sign-in.
func signedIn(*http.Request) (oauthstore.Owner, error) {
	return oauthstore.Owner{Tenant: "acme", Subject: "mia"}, nil
}

// ask answers a question with the user's tools.
func ask(client openai.Client, set *mcptools.Set) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, err := signedIn(r)
		if err != nil {
			http.Error(w, "sign in first", http.StatusUnauthorized)
			return
		}
		answer, err := answer(r.Context(), client, set, user, r.PostFormValue("question"))
		if err != nil {
			status, text := http.StatusBadGateway, "The assistant does not respond: try again later."
			if failure, ok := mcptools.AsFailure(err); ok {
				status, text = failure.HTTPStatus(), failure.PublicMessage()
			}
			http.Error(w, text, status)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, answer+"\n")
	}
}

func answer(ctx context.Context, client openai.Client, set *mcptools.Set, user oauthstore.Owner, question string) (string, error) {
	tools, err := set.Build(ctx, user, nil)
	if err != nil {
		return "", err // must connect again, not available, …: OpenAI was not asked
	}
	if len(tools.Skipped) > 0 {
		return "", tools.Skipped[0].Failure // not connected
	}
	response, err := client.Responses.New(ctx, responses.ResponseNewParams{
		Model: "gpt-5",
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(question)},
		Tools: tools.Tools(),
	}, tools.Option()) // replaces a token that Linear refuses, and asks once more
	if err != nil {
		return "", err
	}
	return response.OutputText(), nil
}

func home(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, `<!doctype html>
<html lang="en"><meta name="viewport" content="width=device-width"><title>Basic example</title>
<p><a href="/connect/">Connections</a></p>
<form method="post" action="/ask">
<label>Question <input name="question" required></label> <button>Ask</button>
</form></html>
`)
}

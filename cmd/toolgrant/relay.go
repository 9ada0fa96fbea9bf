package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/providers"
)

func (a *app) relayCommand() *cobra.Command {
	var listen, public, pin string
	var o relay.Options
	cmd := &cobra.Command{
		Use:   "relay",
		Short: "Run the relay, so that OpenAI never gets a token",
		Long: `Serves the MCP endpoint to which the entries of 'toolgrant entry --relay' point. It
takes a fresh token from the store for each request and forwards the request to the
MCP server. Put a proxy with TLS in front of it, and pass the URL at which OpenAI
reaches that as --public-url. Several relays can share a store and a keyset.`,
		Example: `  toolgrant relay --listen 127.0.0.1:8081 --public-url https://api.example.com/mcp
  toolgrant entry asana --relay https://api.example.com/mcp --reveal`,
		Args: cobra.NoArgs,
		RunE: a.begin(func(ctx context.Context, _ []string) error {
			switch o.Pins = relay.Pin(pin); {
			case o.Pins != relay.PinOff && o.Pins != relay.PinWarn && o.Pins != relay.PinBlock:
				return usagef("--pin %q: must be off, warn or block", pin)
			case o.MaxRequest < 0 || o.MaxAnswer < 0 || o.OwnerRequests < 0 || o.OwnerStreams < 0 || o.Concurrent < 0:
				return usagef("limits must not be negative")
			case public == "" && !a.global.allowLoopback:
				return faultf(mcptools.KindMisconfigured, "pass --public-url, the https URL at which OpenAI reaches the relay; for tests on this machine, pass --allow-loopback")
			}
			if _, _, err := net.SplitHostPort(listen); err != nil {
				return usagef("--listen %q: must be HOST:PORT", listen)
			}
			keys, err := a.openKeyset(ctx)
			if err != nil {
				return err
			}
			return a.withSealer(ctx, keys, func(store *oauthstore.Store) error {
				return a.serveRelay(ctx, store, keys, listen, public, o)
			})
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&listen, "listen", "127.0.0.1:0", "`HOST:PORT` to listen on; port 0 is any free port")
	flags.StringVar(&public, "public-url", "", "https `URL` at which OpenAI reaches the relay, with its path if a proxy adds one (default with --allow-loopback: where it listens)")
	flags.StringVar(&pin, "pin", string(relay.PinOff), "what to do about a tool that differs from its pin: off, warn or block")
	flags.Int64Var(&o.MaxRequest, "max-request", 0, "maximum length of a request in `BYTES` (default 16 MiB)")
	flags.Int64Var(&o.MaxAnswer, "max-answer", 0, "maximum length of an answer, or of one event of a stream, in `BYTES` (default 64 MiB)")
	flags.IntVar(&o.OwnerRequests, "owner-requests", 0, "maximum `NUMBER` of concurrent requests of one owner (default 64)")
	flags.IntVar(&o.OwnerStreams, "owner-streams", 0, "maximum `NUMBER` of open streams of one owner (default 256)")
	flags.IntVar(&o.Concurrent, "concurrent", 0, "maximum `NUMBER` of concurrent requests and streams of all owners (default 1000)")
	return cmd
}

// relayGrace is how long running requests may take after a signal. It is less than
// closeGrace, so that the store still closes in time.
const relayGrace = closeGrace - 200*time.Millisecond

// headerTimeout is how long a client may take to send the headers of a request.
const headerTimeout = 10 * time.Second

// idleTimeout is how long a connection without a request stays open.
const idleTimeout = 2 * time.Minute

// serveRelay serves a relay until ctx ends.
func (a *app) serveRelay(ctx context.Context, store *oauthstore.Store, keys backend.Sealer, listen, public string, o relay.Options) (err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return faultf(mcptools.KindMisconfigured, "--listen: %s", message(err))
	}
	if public == "" {
		public = "http://" + l.Addr().String()
	}
	public = strings.TrimRight(public, "/")
	o.InsecureAllowLoopback = a.global.allowLoopback
	var lines *lineQueue
	o.Provider, o.Observer = relayProvider(ctx, store), func(_ context.Context, e relay.Event) {
		lines.add(a.relayLine(&e))
	}
	r, err := relay.New(store, keys, public, &o)
	if err != nil {
		return errors.Join(faultf(mcptools.KindMisconfigured, "%s", message(err)), l.Close())
	}
	lines = newLineQueue(func(dropped int64) { a.notef("warning: %d lines were not printed: the reader is too slow", dropped) })
	server := &http.Server{
		Handler: r, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(writerFunc(func(p []byte) { _, _ = io.WriteString(a.stderr, indented(string(p))+"\n") }), "", 0),
	}
	watching := make(chan struct{})
	watch, stopWatch := context.WithCancel(ctx)
	go func() {
		defer close(watching)
		_ = store.Watch(watch) // without it, the relay reads the record for each request
	}()
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	a.print(listeningView{"listening", public}, func(w io.Writer) { _, _ = fmt.Fprintf(w, "%s  listening\n", public) })

	select {
	case err = <-served:
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), relayGrace)
	defer cancel()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_ = server.Shutdown(closing) // the streams that Close ends, and requests that finish in time
	}()
	_ = r.Close(closing)
	<-drained
	_ = server.Close()
	stopWatch()
	<-watching
	close(lines.ending)
	select {
	case <-lines.ended:
	case <-closing.Done(): // the output is blocked
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// relayProvider returns the function that finds the provider of a credential, by
// the rules of all commands.
func relayProvider(ctx context.Context, store *oauthstore.Store) func(oauthstore.Key) (providers.Provider, error) {
	return func(key oauthstore.Key) (providers.Provider, error) {
		p, custom, err := providerAt(key.Provider, key.Server)
		if err != nil || !custom {
			return p, err
		}
		t := target{provider: p, key: key, custom: true}
		t.addStoredTakes(ctx, store)
		return t.provider, nil
	}
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

// A listeningView says where the relay listens.
type listeningView struct {
	Event string `json:"event"`
	URL   string `json:"url"`
}

// A requestView is a request that the relay answered, as it is printed.
type requestView struct {
	Event    string  `json:"event"`
	Owner    *string `json:"owner"`
	Provider *string `json:"provider"`
	RPC      *string `json:"rpc"`
	Tool     *string `json:"tool"`
	Status   int     `json:"status"`
	Took     string  `json:"took"`
	Kind     *string `json:"kind,omitempty"`
}

// A toolChangedView is a tool that differs from its pin, as it is printed.
type toolChangedView struct {
	Event    string `json:"event"`
	Owner    string `json:"owner"`
	Provider string `json:"provider"`
	Tool     string `json:"tool"`
	Change   string `json:"change"`
}

// relayLine returns a function that prints an event of the relay, with the time
// of the event.
func (a *app) relayLine(e *relay.Event) func() {
	owner := ""
	if e.Key.Owner != (oauthstore.Owner{}) {
		owner = e.Key.Owner.String()
	}
	if e.Type == relay.EventToolChanged {
		v := toolChangedView{string(e.Type), owner, e.Key.Provider, e.Tool, e.Change}
		return func() {
			a.print(v, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "%s  %s\n", a.ui.warn.Render("!"), safetext.Line(fmt.Sprintf("%s  %s  %s changed: %s", v.Owner, v.Provider, v.Tool, v.Change)))
			})
		}
	}
	v := requestView{
		Event: string(e.Type), Owner: orNull(owner), Provider: orNull(e.Key.Provider), RPC: orNull(e.RPC), Tool: orNull(e.Tool),
		Status: e.Status, Took: e.Took.Round(time.Microsecond).String(),
	}
	if e.Failure != nil {
		v.Kind = orNull(string(e.Failure.Kind))
	}
	parts := []string{time.Now().UTC().Format(time.TimeOnly), strconv.Itoa(e.Status), e.Took.Round(time.Millisecond).String(), first(owner, "-"), first(e.Key.Provider, "-"), e.RPC, e.Tool, text(v.Kind)}
	return func() {
		a.print(v, func(w io.Writer) {
			_, _ = fmt.Fprintln(w, safetext.Line(strings.TrimRight(strings.Join(parts, "  "), " ")))
		})
	}
}

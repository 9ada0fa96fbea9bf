package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args)
	stop()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
}

const (
	headerTimeout = 10 * time.Second
	closeTimeout  = 5 * time.Second
)

func run(ctx context.Context, args []string) (err error) {
	if len(args) < 3 {
		return errors.New("missing arguments: the client and the server's URL")
	}
	keys, err := keyset.New()
	if err != nil {
		return err
	}
	store, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{InsecureAllowLoopback: true})
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	r, err := relay.New(store, keys, "http://"+l.Addr().String()+"/mcp", &relay.Options{InsecureAllowLoopback: true})
	if err != nil {
		return err
	}
	ticket, err := ticketFor(ctx, store, r, args[len(args)-1])
	if err != nil {
		return err
	}
	server := &http.Server{Handler: withTicket(r, ticket), ReadHeaderTimeout: headerTimeout}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l) // Close ends it
	}()
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		_ = r.Close(closing)
		_ = server.Close()
		<-served
		_ = store.Close(closing)
	}()
	args[len(args)-1] = ticket.URL
	client := exec.CommandContext(ctx, args[1], args[2:]...) //nolint:gosec // the caller says what to run
	client.Stdout, client.Stderr = os.Stdout, os.Stderr
	return client.Run()
}

// ticketFor stores a credential for the server and returns a ticket for it.
func ticketFor(ctx context.Context, store *oauthstore.Store, r *relay.Relay, raw string) (mcptools.RelayTicket, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return mcptools.RelayTicket{}, err
	}
	key := oauthstore.Key{
		Owner: oauthstore.Owner{Tenant: "conformance", Subject: "client"}, Provider: "conformance", Server: u.String(),
	}
	st, err := store.Put(ctx, key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-access-token"),
		Provenance:  oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic, Way: "api_key"},
	})
	if err != nil {
		return mcptools.RelayTicket{}, err
	}
	return r.Ticket(ctx, mcptools.RelayGrant{Key: key, Grant: st.Grant, Label: "conformance"})
}

// withTicket serves clients that have no ticket.
func withTicket(next http.Handler, ticket mcptools.RelayTicket) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+ticket.Ticket.Expose())
		next.ServeHTTP(w, r)
	})
}

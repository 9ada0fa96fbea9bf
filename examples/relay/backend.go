package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A backend is a program with a credential store and a relay.
type backend struct {
	store  *oauthstore.Store
	relay  *relay.Relay
	server *http.Server
	served chan error
	set    *mcptools.Set
}

// startBackend starts a backend that serves its relay at url, a URL on this machine
// here. observe gets an event for each request that the relay answers.
func startBackend(ctx context.Context, observe func(context.Context, relay.Event), vendors ...providers.Provider) (b *backend, url string, err error) {
	keys, err := keyset.New()
	if err != nil {
		return nil, "", err
	}
	b = &backend{served: make(chan error, 1)}
	if b.store, err = oauthstore.New(memstore.New(), keys, &oauthstore.Options{InsecureAllowLoopback: true}); err != nil {
		return nil, "", err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	url = "http://" + listener.Addr().String() + "/mcp"
	b.relay, err = relay.New(b.store, keys, url, &relay.Options{
		Pins: relay.PinBlock, Observer: observe, InsecureAllowLoopback: true,
	})
	if err != nil {
		return nil, "", errors.Join(err, listener.Close())
	}
	mux := http.NewServeMux()
	mux.Handle("/mcp/", b.relay)
	b.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { b.served <- b.server.Serve(listener) }()

	var builders []*mcptools.Builder
	for _, p := range vendors {
		builder, err := mcptools.NewBuilder(p, b.store, &mcptools.Options{
			Relay: b.relay, Approval: mcptools.ApprovalNever, InsecureAllowLoopback: true,
		})
		if err != nil {
			return nil, "", errors.Join(err, b.close(ctx))
		}
		builders = append(builders, builder)
	}
	if b.set, err = mcptools.NewSet(builders...); err != nil {
		return nil, "", errors.Join(err, b.close(ctx))
	}
	return b, url, nil
}

func (b *backend) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := errors.Join(b.server.Shutdown(ctx), b.relay.Close(ctx))
	if served := <-b.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, b.store.Close(ctx))
}

// converse starts a conversation of owner with the model. A failing server is
// left out, so that the user still gets an answer.
func (b *backend) converse(client *openai.Client, owner oauthstore.Owner) (*session.Session, error) {
	return session.New(&client.Responses, b.set, owner, &session.Options{
		Params:    responses.ResponseNewParams{Model: "gpt-5.5"},
		OnFailure: session.OnFailureSkip,
	})
}

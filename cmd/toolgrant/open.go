package main

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// orOpen returns t as a server that needs no credential, if it is outside the
// catalogue, has no stored credential and lists its tools without a token. It
// asks the server once, without a token. Other targets are returned unchanged.
func (a *app) orOpen(ctx context.Context, store *oauthstore.Store, t target) (target, error) {
	if !t.custom || t.key.Server == "" {
		return t, nil
	}
	if _, err := store.Status(ctx, t.key); !errors.Is(err, oauthstore.ErrNotFound) {
		return t, nil // the caller gets the credential, or the error
	}
	switch res := a.askOpen(ctx, t); {
	case res.Outcome == mcpprobe.Accepted:
		a.notef("warning: %s has no stored credential; its server lists its tools for anyone, so it is used without one", t.key.Provider)
		t.provider.Ways = openWays()
		return t, nil
	case res.Status == 0 || slices.Contains([]string{mcpprobe.CauseServerError, mcpprobe.CauseRateLimited, mcpprobe.CauseTimeout}, res.Cause):
		return t, faultf(mcptools.KindUnavailable, "%s is not connected, and its server could not be asked whether it needs a credential: %s", t.key.Provider, res.Detail)
	}
	return t, nil
}

// askOpen asks a server for its tools without a token.
func (a *app) askOpen(ctx context.Context, t target) mcpprobe.Result {
	hc := safehttp.New(&safehttp.Options{AllowLoopback: a.global.allowLoopback})
	defer hc.CloseIdleConnections()
	return mcpprobe.Probe(ctx, hc, mcpprobe.Request{URL: t.key.Server}, http.Header{})
}

// openWays are the ways of a server that needs no credential.
func openWays() []providers.Way {
	return []providers.Way{{ID: "none", Kind: providers.WayNone, Name: "no credential", Obtain: "The server needs no credential."}}
}

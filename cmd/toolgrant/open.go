package main

import (
	"context"
	"errors"
	"net/http"

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
	res := a.askOpen(ctx, t)
	if ctx.Err() != nil {
		return t, ctx.Err()
	}
	switch kind := probeKind(res); {
	case res.Outcome == mcpprobe.Accepted:
		a.notef("warning: %s has no stored credential; its server lists its tools for anyone, so it is used without one", t.key.Provider)
		t.provider.Ways = openWays()
		return t, nil
	case kind != mcptools.KindUnauthorized && kind != mcptools.KindForbidden:
		return t, probeFault(res, "%s is not connected, and its server could not be asked whether it needs a credential: %s", t.key.Provider, res.Detail)
	}
	return t, nil
}

// askOpen asks a server for its tools without a token.
func (a *app) askOpen(ctx context.Context, t target) mcpprobe.Result {
	hc := a.probeClient()
	defer hc.CloseIdleConnections()
	return mcpprobe.Probe(ctx, hc, mcpprobe.Request{URL: t.key.Server}, http.Header{})
}

// openWays are the ways of a server that needs no credential.
func openWays() []providers.Way {
	return []providers.Way{{ID: "none", Kind: providers.WayNone, Name: "no credential", Obtain: "The server needs no credential."}}
}

// probeClient returns the guarded client for requests to MCP servers.
func (a *app) probeClient() *http.Client {
	return safehttp.New(&safehttp.Options{AllowLoopback: a.global.allowLoopback})
}

// probeFault returns the fault for what a probe found.
func probeFault(res mcpprobe.Result, format string, args ...any) *fault {
	f := faultf(probeKind(res), format, args...)
	if res.Reason == mcpprobe.ReasonScope {
		f.Action = mcptools.ActionStepUp
	}
	return f
}

// probeKind returns the kind of failure that a probe found.
func probeKind(res mcpprobe.Result) mcptools.Kind {
	switch {
	case res.Outcome == mcpprobe.Refused && res.Reason == mcpprobe.ReasonScope:
		return mcptools.KindForbidden
	case res.Outcome == mcpprobe.Refused:
		return mcptools.KindUnauthorized
	}
	switch res.Status {
	case http.StatusBadRequest:
		return mcptools.KindBadRequest
	case http.StatusNotFound, http.StatusGone:
		return mcptools.KindNotFound
	}
	switch res.Cause {
	case mcpprobe.CauseForbidden:
		return mcptools.KindForbidden
	case mcpprobe.CauseTimeout:
		return mcptools.KindTimeout
	case mcpprobe.CauseRateLimited:
		return mcptools.KindRateLimited
	case mcpprobe.CauseServerError:
		return mcptools.KindServerError
	case mcpprobe.CauseWrongEndpoint, mcpprobe.CauseRedirect:
		return mcptools.KindWrongEndpoint
	case mcpprobe.CauseProtocol, mcpprobe.CauseSSEOnly:
		return mcptools.KindProtocol
	}
	if res.Status != 0 {
		return mcptools.KindProtocol
	}
	return mcptools.KindUnreachable
}

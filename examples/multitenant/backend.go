package main

import (
	"context"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// A customer is what this backend keeps about each company.
type customer struct {
	ServerURL string      // of its own tracker
	App       connect.App // registered by the company's administrator; zero: the tracker registers clients itself
}

// A backend answers questions of all customers' users with one Set.
type backend struct {
	client    openai.Client
	store     *oauthstore.Store
	set       *mcptools.Set
	customers map[string]customer // by tenant
}

// tracker is a product that each customer hosts. The URLs are the customers', so
// any host is accepted, and an application is used only for the servers that it
// names.
func tracker() providers.Provider {
	return providers.Provider{
		ID: "tracker", Name: "Tracker", Server: providers.Server{Hosts: []string{"*"}}, Transport: providers.TransportHTTP,
		Ways: []providers.Way{{ID: "oauth", Kind: providers.WayOAuth}},
	}
}

// newSet has the tracker twice: a user may connect a personal and a shared
// account, and the model sees the tools of each under a label of its own.
func newSet(p providers.Provider, store *oauthstore.Store, loopback bool) (*mcptools.Set, error) {
	var builders []*mcptools.Builder
	for _, label := range []string{"tracker", "tracker_shared"} {
		b, err := mcptools.NewBuilder(p, store, &mcptools.Options{
			Label: label, ReadOnly: true, Approval: mcptools.ApprovalNever, InsecureAllowLoopback: loopback,
		})
		if err != nil {
			return nil, err
		}
		builders = append(builders, b)
	}
	return mcptools.NewSet(builders...)
}

// key names the credential of a user: tenant and user, provider, account, and
// the server of the tenant.
func (b *backend) key(user oauthstore.Owner, account string) oauthstore.Key {
	return oauthstore.Key{Owner: user, Provider: "tracker", Account: account, Server: b.customers[user.Tenant].ServerURL}
}

// ask answers a user's question with the accounts that this user has connected.
func (b *backend) ask(ctx context.Context, user oauthstore.Owner, question string) (string, error) {
	server := b.customers[user.Tenant].ServerURL
	tools, err := b.set.Build(ctx, user, &mcptools.SetBuildOptions{Each: map[string]mcptools.BuildOptions{
		"tracker":        {ServerURL: server},
		"tracker_shared": {ServerURL: server, Account: "shared"},
	}})
	if err != nil {
		return "", err
	}
	if len(tools.Entries) == 0 {
		return "", tools.Skipped[0].Failure
	}
	response, err := b.client.Responses.New(ctx, responses.ResponseNewParams{
		Model: "gpt-5",
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(question)},
		Tools: tools.Tools(),
	}, tools.Option())
	if err != nil {
		return "", err
	}
	return response.OutputText(), nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
	"github.com/toolgrant/toolgrant/providers"
)

// live is one turn with OpenAI.
type live struct {
	provider, serverURL, owner, model, prompt string
	loopback                                  bool // for tests
}

// run opens the command's store and runs the turn.
func (l live) run(ctx context.Context, env func(string) string, p *page) (err error) {
	path, isSQLite := strings.CutPrefix(env("TOOLGRANT_STORE"), "sqlite:")
	tenant, subject, hasOwner := strings.Cut(l.owner, "/")
	switch {
	case env("OPENAI_API_KEY") == "":
		return errors.New("-live needs OPENAI_API_KEY")
	case !isSQLite, env("TOOLGRANT_KEYSET") == "":
		return errors.New("-live needs TOOLGRANT_STORE=sqlite:PATH and TOOLGRANT_KEYSET=FILE, as for the command")
	case !hasOwner:
		return errors.New("-owner must be TENANT/SUBJECT")
	case l.prompt == "":
		return errors.New("-live needs a message for the model")
	}
	provider, err := l.lookup()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(env("TOOLGRANT_KEYSET"))
	if err != nil {
		return err
	}
	keys, err := keyset.Parse(text)
	if err != nil {
		return err
	}
	backend, err := sqlitestore.Open(ctx, path, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backend.Close()) }()
	store, err := oauthstore.New(backend, keys, &oauthstore.Options{InsecureAllowLoopback: l.loopback})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close(context.WithoutCancel(ctx))) }()

	builder, err := mcptools.NewBuilder(provider, store, &mcptools.Options{
		ReadOnly: true, Approval: mcptools.ApprovalNever, InsecureAllowLoopback: l.loopback,
	})
	if err != nil {
		return err
	}
	set, err := mcptools.NewSet(builder)
	if err != nil {
		return err
	}
	opts := []option.RequestOption{option.WithAPIKey(env("OPENAI_API_KEY"))}
	if base := env("OPENAI_BASE_URL"); base != "" {
		opts = append(opts, option.WithBaseURL(base))
	}
	client := openai.NewClient(opts...)
	talk, err := converse(&client, l.model, set, oauthstore.Owner{Tenant: tenant, Subject: subject})
	if err != nil {
		return err
	}
	p.opening("A reasoning session with "+provider.Name, "Read-only tools, no approvals, model "+l.model+".")
	return turn(ctx, talk, p, "you", l.prompt)
}

// lookup returns the provider from the catalogue, or a custom one for
// -server-url.
func (l live) lookup() (providers.Provider, error) {
	if l.serverURL != "" {
		return providers.Custom(l.provider, l.serverURL, nil), nil
	}
	p, ok := providers.Lookup(l.provider)
	if !ok {
		return p, fmt.Errorf("unknown provider %q: add -server-url", l.provider)
	}
	return p, nil
}

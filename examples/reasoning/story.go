package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/examples/internal/page"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A story has the state of the steps.
type story struct {
	page  *page.Page
	world *lab.World
	model responses.ResponseService // of openai-go, connected to the local endpoint
	store *oauthstore.Store
	mia   oauthstore.Owner
	tasks lab.ServerInfo
	notes lab.ServerInfo
	rest  string       // Mia's token for the REST API of Tasks
	apps  connect.Apps // Acme's registered application at Tasks
	set   *mcptools.Set
	talk  *session.Session
}

// modelName is the requested model; the local one follows a script.
const modelName = "gpt-5.5"

// tell runs all steps.
func tell(ctx context.Context, p *page.Page) (err error) {
	p.Opening("A reasoning session with two MCP servers",
		"All of this runs on your machine: two vendors, their MCP servers, and a "+
			"Responses API that connects to them like OpenAI's.")
	world, err := startWorld()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()

	s := &story{
		page: p, world: world,
		mia:   oauthstore.Owner{Tenant: "acme", Subject: "mia"},
		tasks: world.Server("tasks"), notes: world.Server("notes"),
		rest: world.RESTToken("tasks", "mia"),
		// openai.NewClient(…).Responses is the same service. Package openai has all of
		// OpenAI's APIs, and the first run would compile them for minutes.
		model: responses.NewResponseService(
			option.WithBaseURL(world.Info().OpenAIBaseURL), option.WithAPIKey(world.Info().OpenAIAPIKey),
			option.WithMaxRetries(0), // a retry could run tools twice
		),
	}
	s.apps = connect.Apps{{
		Issuer: s.tasks.Issuer, Servers: []string{s.tasks.MCPURL}, ID: s.tasks.ClientID, Secret: oauthstore.NewSecret(s.tasks.ClientSecret),
	}}
	if s.store, err = s.openStore(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.store.Close(context.WithoutCancel(ctx))) }()

	for _, step := range []func(context.Context) error{
		s.restWorks, s.withoutToolgrant, s.refused, s.connected, s.reasons, s.expires, s.oneIsDown,
	} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("step %d: %w", p.Step(), err)
		}
	}
	p.Closing("Done.", "The code of the backend is in examples/reasoning/story.go and session.go.")
	return nil
}

// openStore opens the credential store, sealed and in memory: the first run would
// compile SQLite for minutes. It requests the secret of the registered
// application at each refresh.
func (s *story) openStore() (*oauthstore.Store, error) {
	keys, err := keyset.New()
	if err != nil {
		return nil, err
	}
	return oauthstore.New(memstore.New(), keys, &oauthstore.Options{Clients: s.apps.Client, InsecureAllowLoopback: true})
}

// get requests a URL like a browser or client, with a token unless it is empty.
func (s *story) get(ctx context.Context, url, token string) (status string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := s.world.Client().Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.Status, err
}

// 1. The token that the backend has works on the vendor's REST API.
func (s *story) restWorks(ctx context.Context) error {
	s.page.Begin("Mia's token works on the REST API of Tasks")
	status, err := s.get(ctx, s.tasks.RESTURL, s.rest)
	if err != nil {
		return err
	}
	s.page.Tell("request", "GET "+s.tasks.RESTURL)
	s.page.Works("response", status)
	s.page.Note("So the token seems to be valid.")
	return nil
}

// 2. The same token in a tool entry without toolgrant.
func (s *story) withoutToolgrant(ctx context.Context) error {
	s.page.Begin("Without toolgrant: the same token in a tools entry")
	entry := responses.ToolParamOfMcp("tasks")
	entry.OfMcp.ServerURL = param.NewOpt(s.tasks.MCPURL)
	entry.OfMcp.Authorization = param.NewOpt(s.rest)
	_, err := s.model.New(ctx, responses.ResponseNewParams{
		Model: modelName, Tools: []responses.ToolUnionParam{entry},
		Input: responses.ResponseNewParamsInputUnion{OfString: param.NewOpt("What should I do first today?")},
	})
	var apiErr *responses.Error
	if !errors.As(err, &apiErr) {
		return fmt.Errorf("the REST token was not rejected: %w", err)
	}
	s.page.Fails("openai-go", err.Error())
	s.page.Fails("the body", apiErr.Message)
	s.page.Fails("Mia gets", "500 Internal Server Error")
	s.page.Note("The whole response is lost, and the cause is unknown.")
	return nil
}

// 3. The library checks the token first and returns a message for the user.
func (s *story) refused(ctx context.Context) error {
	s.page.Begin("With toolgrant: the token is rejected before OpenAI receives it")
	fromYourTable := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
		return oauthstore.Token{AccessToken: oauthstore.NewSecret(s.rest)}, nil
	})
	builder, err := mcptools.NewBuilder(tasksProvider(s.tasks), fromYourTable, &mcptools.Options{InsecureAllowLoopback: true})
	if err != nil {
		return err
	}
	asked := len(s.world.ModelRequests())
	_, err = builder.Build(ctx, s.mia, nil)
	f, ok := mcptools.AsFailure(err)
	if !ok {
		return fmt.Errorf("the REST token was not rejected: %w", err)
	}
	s.page.Fails("the log", f.Error())
	s.page.Fails("in detail", f.Upstream())
	s.page.Works("Mia gets", fmt.Sprintf("%d %s: %q", f.HTTPStatus(), http.StatusText(f.HTTPStatus()), f.PublicMessage()))
	s.page.Works("OpenAI", fmt.Sprintf("received %d requests", len(s.world.ModelRequests())-asked))
	return nil
}

// 4. The right credentials, and an entry with one of them.
func (s *story) connected(ctx context.Context) error {
	s.page.Begin("Mia connects Tasks and Notes")
	var builders []*mcptools.Builder
	for _, p := range []providers.Provider{tasksProvider(s.tasks), notesProvider(s.notes)} {
		b, err := mcptools.NewBuilder(p, s.store, &mcptools.Options{
			ReadOnly: true, Approval: mcptools.ApprovalNever, // read-only tools without approval
			InsecureAllowLoopback: true,
		})
		if err != nil {
			return err
		}
		if err := s.consent(ctx, p, b); err != nil {
			return err
		}
		builders = append(builders, b)
	}
	set, err := mcptools.NewSet(builders...)
	if err != nil {
		return err
	}
	s.set = set
	entry, err := builders[0].Entry(ctx, s.mia, nil)
	if err != nil {
		return err
	}
	shown, err := json.MarshalIndent(entry, "", "  ")
	if err != nil {
		return err
	}
	s.page.Tell("the entry", "as printed; the request to OpenAI contains the token")
	s.page.Raw(string(shown))
	return nil
}

// consent runs the flow behind a "Connect Tasks" button: the user is sent to
// the vendor and comes back. A web application uses connect.Web for it.
func (s *story) consent(ctx context.Context, p providers.Provider, b *mcptools.Builder) (err error) {
	connector, err := connect.New(s.store, &connect.Options{
		RedirectURL: "http://127.0.0.1/callback", Apps: s.apps,
		Verify: b.Verifier(), InsecureAllowLoopback: true,
	})
	if err != nil {
		return err
	}
	waiting, err := connector.Listen(ctx, p, s.mia, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, waiting.Close()) }()
	if _, err := s.get(ctx, waiting.URL, ""); err != nil { // Mia's browser; this vendor grants consent without a page
		return err
	}
	result, err := waiting.Wait(ctx)
	if err != nil {
		return err
	}
	client := map[oauthstore.ClientKind]string{
		oauthstore.ClientApplication: "by the registered application", oauthstore.ClientRegistered: "by a dynamically registered client",
	}[waiting.Client]
	s.page.Works(p.ID, fmt.Sprintf("consent %s: %s, sealed and stored", client, result.Status.State))
	s.page.Hint("", result.Status.Verdict.Detail)
	return nil
}

// 5. Two servers, one response.
func (s *story) reasons(ctx context.Context) error {
	s.page.Begin("The session lists, calls and answers with two servers")
	talk, err := converse(&s.model, modelName, s.set, s.mia)
	if err != nil {
		return err
	}
	s.talk = talk
	return turn(ctx, talk, s.page, "Mia", "What should I do first today?")
}

// 6. The token expires between two turns and is refreshed.
func (s *story) expires(ctx context.Context) error {
	s.page.Begin("The token expires during the session, and the next turn still works")
	key := oauthstore.Key{Owner: s.mia, Provider: "tasks", Server: s.tasks.MCPURL}
	before, err := s.store.Status(ctx, key)
	if err != nil {
		return err
	}
	s.page.Hint("a moment", fmt.Sprintf("tokens expire after %s here", tokenTTL))
	end := time.NewTimer(time.Until(before.Expiry) + 100*time.Millisecond)
	defer end.Stop()
	select {
	case <-end.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := turn(ctx, s.talk, s.page, "Mia", "What else this week?"); err != nil {
		return err
	}
	after, err := s.store.Status(ctx, key)
	if err != nil {
		return err
	}
	if after.Generation == before.Generation {
		return errors.New("the token was not refreshed")
	}
	s.page.Works("the store", fmt.Sprintf("generation %d of the token has expired; generation %d was stored before it was used",
		before.Generation, after.Generation))
	return nil
}

// 7. One server is down, and the session continues with the other.
func (s *story) oneIsDown(ctx context.Context) error {
	s.page.Begin("The next morning Notes is down: the session reports it and continues")
	if err := s.world.Fault("notes:down"); err != nil {
		return err
	}
	talk, err := converse(&s.model, modelName, s.set, s.mia)
	if err != nil {
		return err
	}
	return turn(ctx, talk, s.page, "Mia", "Good morning! What is on for today?")
}

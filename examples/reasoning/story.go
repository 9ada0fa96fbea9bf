package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
	"github.com/toolgrant/toolgrant/providers"
)

// A story is what the steps share.
type story struct {
	page   *page
	world  *lab.World
	client openai.Client // openai-go's own, with the world in OpenAI's place
	store  *oauthstore.Store
	mia    oauthstore.Owner
	tasks  lab.ServerInfo
	notes  lab.ServerInfo
	rest   string       // Mia's token for the REST API of Tasks
	apps   connect.Apps // the application that Acme has registered at Tasks
	set    *mcptools.Set
	talk   *session.Session
}

// model is what the requests name; the one of this world follows a script.
const model = "gpt-5.5"

// tell tells the story from its beginning to its end.
func tell(ctx context.Context, p *page) (err error) {
	p.opening("A reasoning session with two MCP servers",
		"Everything below runs now, on this machine: two vendors, their MCP servers, and a "+
			"Responses API that connects to them as OpenAI's does.")
	world, err := startWorld()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()

	dir, err := os.MkdirTemp("", "toolgrant-reasoning-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	db, err := sqlitestore.Open(ctx, filepath.Join(dir, "credentials.db"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	s := &story{
		page: p, world: world,
		mia:   oauthstore.Owner{Tenant: "acme", Subject: "mia"},
		tasks: world.Server("tasks"), notes: world.Server("notes"),
		rest: world.RESTToken("tasks", "mia"),
		client: openai.NewClient(
			option.WithBaseURL(world.Info().OpenAIBaseURL), option.WithAPIKey(world.Info().OpenAIAPIKey),
			option.WithMaxRetries(0), // by itself it would repeat a request after tools have run
		),
	}
	s.apps = connect.Apps{{
		Issuer: s.tasks.Issuer, Servers: []string{s.tasks.MCPURL}, ID: s.tasks.ClientID, Secret: oauthstore.NewSecret(s.tasks.ClientSecret),
	}}
	if s.store, err = s.openStore(db); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.store.Close(context.WithoutCancel(ctx))) }()

	for _, step := range []func(context.Context) error{
		s.restWorks, s.withoutToolgrant, s.refused, s.connected, s.reasons, s.expires, s.oneIsDown,
	} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("step %d: %w", p.step, err)
		}
	}
	p.closing("That is all.", "What a backend writes itself is in examples/reasoning/story.go and session.go.")
	return nil
}

// openStore opens the credential store: sealed, in a SQLite file. The secret
// of the registered application is asked for at each refresh.
func (s *story) openStore(db backend.Backend) (*oauthstore.Store, error) {
	keys, err := keyset.New()
	if err != nil {
		return nil, err
	}
	return oauthstore.New(db, keys, &oauthstore.Options{Clients: s.apps.Client, InsecureAllowLoopback: true})
}

// get opens a URL as a browser or a client does, with a token unless it is
// empty.
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
	s.page.begin("Mia's token works on the REST API of Tasks")
	status, err := s.get(ctx, s.tasks.RESTURL, s.rest)
	if err != nil {
		return err
	}
	s.page.tell("request", "GET "+s.tasks.RESTURL)
	s.page.works("answer", status)
	s.page.note("So the token is right, one should think.")
	return nil
}

// 2. The same token in a tools entry that was put together by hand.
func (s *story) withoutToolgrant(ctx context.Context) error {
	s.page.begin("Without toolgrant: the same token in a tools entry")
	entry := responses.ToolParamOfMcp("tasks")
	entry.OfMcp.ServerURL = param.NewOpt(s.tasks.MCPURL)
	entry.OfMcp.Authorization = param.NewOpt(s.rest)
	_, err := s.client.Responses.New(ctx, responses.ResponseNewParams{
		Model: model, Tools: []responses.ToolUnionParam{entry},
		Input: responses.ResponseNewParamsInputUnion{OfString: param.NewOpt("What should I do first today?")},
	})
	var apiErr *openai.Error
	if !errors.As(err, &apiErr) {
		return fmt.Errorf("the REST token was not refused: %w", err)
	}
	s.page.fails("openai-go", err.Error())
	s.page.fails("the body", apiErr.Message)
	s.page.fails("Mia gets", "500 Internal Server Error")
	s.page.note("The whole answer is lost, and nobody knows why.")
	return nil
}

// 3. The library asks the server first, and has something to say to the user.
func (s *story) refused(ctx context.Context) error {
	s.page.begin("With toolgrant: the token is refused before OpenAI sees it")
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
		return fmt.Errorf("the REST token was not refused: %w", err)
	}
	s.page.fails("the log", f.Error())
	s.page.fails("in detail", f.Upstream())
	s.page.works("Mia gets", fmt.Sprintf("%d %s: %q", f.HTTPStatus(), http.StatusText(f.HTTPStatus()), f.PublicMessage()))
	s.page.works("OpenAI", fmt.Sprintf("was asked %d times", len(s.world.ModelRequests())-asked))
	return nil
}

// 4. The proper credentials, and the entry that is made of one.
func (s *story) connected(ctx context.Context) error {
	s.page.begin("Mia connects Tasks, and Notes")
	var builders []*mcptools.Builder
	for _, p := range []providers.Provider{tasksProvider(s.tasks), notesProvider(s.notes)} {
		b, err := mcptools.NewBuilder(p, s.store, &mcptools.Options{
			ReadOnly: true, Approval: mcptools.ApprovalNever, // the model may read, without asking each time
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
	s.page.tell("the entry", "as it prints; what is sent to OpenAI holds the token")
	s.page.raw(string(shown))
	return nil
}

// consent is what happens behind a button "Connect Tasks": the user is sent to
// the vendor and comes back. A web application uses connect.Web for it.
func (s *story) consent(ctx context.Context, p providers.Provider, b *mcptools.Builder) (err error) {
	connector, err := connect.New(s.store, &connect.Options{
		RedirectURL: "http://127.0.0.1/callback", Apps: s.apps,
		Verify: b.Verifier(nil), InsecureAllowLoopback: true,
	})
	if err != nil {
		return err
	}
	waiting, err := connector.Listen(ctx, p, s.mia, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, waiting.Close()) }()
	if _, err := s.get(ctx, waiting.URL, ""); err != nil { // Mia's browser; here the vendor says yes by itself
		return err
	}
	result, err := waiting.Wait(ctx)
	if err != nil {
		return err
	}
	client := map[oauthstore.ClientKind]string{
		oauthstore.ClientApplication: "by the registered application", oauthstore.ClientRegistered: "by a client that registered itself",
	}[waiting.Client]
	s.page.works(p.ID, fmt.Sprintf("consent %s: %s, sealed and stored", client, result.Status.State))
	s.page.hint("", result.Status.Verdict.Detail)
	return nil
}

// 5. Two servers, one answer.
func (s *story) reasons(ctx context.Context) error {
	s.page.begin("The session lists, calls and answers with two servers")
	talk, err := converse(&s.client, model, s.set, s.mia)
	if err != nil {
		return err
	}
	s.talk = talk
	return turn(ctx, talk, s.page, "Mia", "What should I do first today?")
}

// 6. The token ends between two turns, and nobody notices.
func (s *story) expires(ctx context.Context) error {
	s.page.begin("The token expires in the middle, and the next turn just works")
	key := oauthstore.Key{Owner: s.mia, Provider: "tasks", Server: s.tasks.MCPURL}
	before, err := s.store.Status(ctx, key)
	if err != nil {
		return err
	}
	s.page.hint("a moment", fmt.Sprintf("tokens live for %s in this world", tokenTTL))
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
	s.page.works("the store", fmt.Sprintf("generation %d of the token has ended; generation %d was stored before it was used",
		before.Generation, after.Generation))
	return nil
}

// 7. One server is down, and the others go on.
func (s *story) oneIsDown(ctx context.Context) error {
	s.page.begin("The next morning Notes is down: the session says so and goes on")
	if err := s.world.Fault("notes:down"); err != nil {
		return err
	}
	talk, err := converse(&s.client, model, s.set, s.mia)
	if err != nil {
		return err
	}
	return turn(ctx, talk, s.page, "Mia", "Good morning! What is on for today?")
}

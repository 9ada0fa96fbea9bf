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
	"github.com/toolgrant/toolgrant/oauthstore"
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
	rest   string // Mia's token for the REST API of Tasks
	talk   *session
}

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
	backend, err := sqlitestore.Open(ctx, filepath.Join(dir, "credentials.db"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backend.Close()) }()

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
	if s.store, err = s.openStore(backend); err != nil {
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
// of the application that is registered at Tasks is asked for at each refresh.
func (s *story) openStore(backend oauthstore.Backend) (*oauthstore.Store, error) {
	keys, err := oauthstore.NewKeyset()
	if err != nil {
		return nil, err
	}
	return oauthstore.New(backend, keys, &oauthstore.Options{
		InsecureAllowLoopback: true,
		Clients: func(_ context.Context, issuer, clientID string) (oauthstore.Client, error) {
			if issuer == s.tasks.Issuer && clientID == s.tasks.ClientID {
				return oauthstore.Client{Secret: oauthstore.NewSecret(s.tasks.ClientSecret)}, nil
			}
			return oauthstore.Client{}, oauthstore.ErrNotFound
		},
	})
}

// 1. The token that the backend has works on the vendor's REST API.
func (s *story) restWorks(ctx context.Context) error {
	s.page.begin("Mia's token works on the REST API of Tasks")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.tasks.RESTURL, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.rest)
	resp, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the REST API answered %s", resp.Status)
	}
	s.page.tell("request", req.Method+" "+req.URL.Path)
	s.page.works("answer", resp.Status)
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
		Model: "gpt-5.5", Tools: []responses.ToolUnionParam{entry},
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
	tasks, err := s.builder(tasksProvider(s.tasks))
	if err != nil {
		return err
	}
	notes, err := s.builder(notesProvider(s.notes))
	if err != nil {
		return err
	}
	set, err := mcptools.NewSet(tasks, notes)
	if err != nil {
		return err
	}
	s.talk = &session{client: s.client, model: "gpt-5.5", set: set, owner: s.mia, who: "Mia", page: s.page}
	for _, b := range []*mcptools.Builder{tasks, notes} {
		if err := s.consent(ctx, b); err != nil {
			return err
		}
	}
	entry, err := tasks.Entry(ctx, s.mia, nil)
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

// builder makes entries that let the model read, without asking each time.
func (s *story) builder(p providers.Provider) (*mcptools.Builder, error) {
	return mcptools.NewBuilder(p, s.store, &mcptools.Options{
		ReadOnly: true, Approval: mcptools.ApprovalNever, InsecureAllowLoopback: true,
	})
}

// consent obtains a credential and stores it. In this world the vendor says
// yes by itself.
func (s *story) consent(ctx context.Context, b *mcptools.Builder) error {
	key, err := b.Key(s.mia, nil)
	if err != nil {
		return err
	}
	status, err := s.store.Put(ctx, key, s.world.Grant(b.Provider(), s.mia.Subject).Credential())
	if err != nil {
		return err
	}
	verdict, err := s.store.Verify(ctx, key, b.Verifier(nil))
	if err != nil {
		return err
	}
	s.page.works(b.Provider(), fmt.Sprintf("%s, sealed and stored. %s", status.State, verdict.Detail))
	return nil
}

// 5. Two servers, one answer.
func (s *story) reasons(ctx context.Context) error {
	s.page.begin("The session lists, calls and answers with two servers")
	return s.talk.turn(ctx, "What should I do first today?")
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
	if err := s.talk.turn(ctx, "What else this week?"); err != nil {
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
	s.talk.previous = "" // a new conversation: the tools are listed anew
	return s.talk.turn(ctx, "Good morning! What is on for today?")
}

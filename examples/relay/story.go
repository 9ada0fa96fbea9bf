package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/toolgrant/toolgrant/examples/internal/page"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A story has the state of the steps.
type story struct {
	page    *page.Page
	world   *lab.World
	during  *interruption
	client  openai.Client
	backend *backend
	url     string // of the relay
	log     events
	mia     oauthstore.Owner
	tokens  []string // that the vendors have issued to Mia so far
}

// events collects the lines of the relay's log. Safe for concurrent use.
type events struct {
	mu    sync.Mutex
	lines []string
}

func (l *events) add(_ context.Context, e relay.Event) {
	line := fmt.Sprintf("%s  %s  %s %s  %d", e.Key.Owner, e.Key.Provider, e.RPC, e.Tool, e.Status)
	if e.Type == relay.EventToolChanged {
		line = fmt.Sprintf("%s  %s  tool changed: %s (%s)", e.Key.Owner, e.Key.Provider, e.Tool, e.Change)
	} else if e.Failure != nil {
		line += "  " + string(e.Failure.Kind)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

// take returns the lines since the last call that contain text.
func (l *events) take(text string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	l.lines = nil
	return found
}

// tell runs all steps.
func tell(ctx context.Context, p *page.Page) (err error) {
	p.Opening("A reasoning session through a relay",
		"All of this runs on your machine: two vendors with MCP servers, a Responses API "+
			"that connects to them like OpenAI's, and Acme's backend, which serves a relay.")
	s := &story{page: p, during: &interruption{}, mia: oauthstore.Owner{Tenant: "acme", Subject: "mia"}}
	if s.world, err = startWorld(s.during); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.world.Close()) }()
	s.client = openai.NewClient(
		option.WithBaseURL(s.world.Info().OpenAIBaseURL), option.WithAPIKey(s.world.Info().OpenAIAPIKey),
		option.WithMaxRetries(0), // a retry could run tools twice
	)
	s.backend, s.url, err = startBackend(ctx, s.log.add, s.vendor("tasks", "Tasks"), s.vendor("notes", "Notes"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.backend.close(ctx)) }()

	for _, step := range []func(context.Context) error{s.entry, s.reasons, s.expires, s.disconnects, s.changes} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("step %d: %w", p.Step(), err)
		}
	}
	p.Closing("Done.", "The code of the backend is in examples/relay/backend.go. How to run a relay in production: docs/guides/relay.md.")
	return nil
}

// vendor describes a server. Servers of the catalogue, such as providers.Asana(),
// need no description.
func (s *story) vendor(id, name string) providers.Provider {
	return providers.Custom(id, s.world.Server(id).MCPURL, &providers.CustomOptions{Name: name})
}

func (s *story) key(vendor string) oauthstore.Key {
	return oauthstore.Key{Owner: s.mia, Provider: vendor, Server: s.world.Server(vendor).MCPURL}
}

// connect stores a credential, as Mia's consent gives it: see examples/reasoning for
// the consent itself.
func (s *story) connect(ctx context.Context, vendor string) error {
	grant := s.world.Grant(vendor, "mia")
	s.tokens = append(s.tokens, grant.AccessToken)
	_, err := s.backend.store.Put(ctx, s.key(vendor), grant.Credential())
	return err
}

// 1. What OpenAI gets.
func (s *story) entry(ctx context.Context) error {
	s.page.Begin("The entry points at the relay and carries a ticket")
	for _, vendor := range []string{"tasks", "notes"} {
		if err := s.connect(ctx, vendor); err != nil {
			return err
		}
		s.page.Works(vendor, "connected; the token is sealed in Acme's store")
	}
	r, err := s.backend.set.Build(ctx, s.mia, nil)
	if err != nil {
		return err
	}
	e, _ := r.Entry("tasks")
	shown, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	s.page.Tell("the entry", "as printed; the request to OpenAI contains the ticket")
	s.page.Raw(string(shown))
	s.page.Hint("the ticket", "is good for Mia's Tasks alone, at this relay, for an hour")
	return nil
}

// turn sends a message and prints what happens.
func (s *story) turn(ctx context.Context, message string) error {
	talk, err := s.backend.converse(&s.client, s.mia)
	if err != nil {
		return err
	}
	s.page.Tell("Mia", message)
	for e, err := range talk.Run(ctx, message) {
		if err != nil {
			return err
		}
		switch e.Type {
		case session.EventListed:
			s.page.Works(e.Label, "lists "+page.Count(e.Tools, "tool"))
		case session.EventCalled:
			s.page.Works(e.Label, e.Tool+" "+e.Arguments)
		case session.EventFailed:
			s.page.Fails(e.Label, e.Failure.Error())
			s.page.Tell("Mia reads", e.Failure.PublicMessage())
		case session.EventRetrying:
			return fmt.Errorf("the session noticed a refused token: %w", e.Failure)
		case session.EventSkipped:
			s.page.Fails(e.Label, "is left out: "+string(e.Failure.Kind))
		case session.EventDone:
			s.page.Tell("model", e.Text)
		case session.EventListing, session.EventCalling, session.EventAsking, session.EventApproved, session.EventDenied, session.EventText, session.EventRaw, session.EventRunning, session.EventWaiting:
			// A program with a live view would show these too.
		}
	}
	return nil
}

// logged prints the lines of the relay's log that contain text.
func (s *story) logged(text string) {
	for i, line := range s.log.take(text) {
		what := ""
		if i == 0 {
			what = "the relay"
		}
		s.page.Hint(what, line)
	}
}

// 2. Two servers, one response, no token at OpenAI.
func (s *story) reasons(ctx context.Context) error {
	s.page.Begin("The model uses two vendors, and OpenAI holds no token")
	if err := s.turn(ctx, "What should I do first today?"); err != nil {
		return err
	}
	s.logged("tools/call")
	for _, r := range s.world.ModelRequests() {
		for _, token := range s.tokens {
			if strings.Contains(string(r.Body), token) {
				return errors.New("a token was sent to OpenAI")
			}
		}
	}
	s.page.Works("OpenAI", "received tickets; the vendors received Mia's tokens, from the relay")
	return nil
}

// 3. The tokens end in the middle of a run.
func (s *story) expires(ctx context.Context) error {
	s.page.Begin("All tokens expire in the middle of a run, and the run goes on")
	before, err := s.backend.store.Status(ctx, s.key("notes"))
	if err != nil {
		return err
	}
	s.during.plan(func() { s.world.Expire() })
	if err := s.turn(ctx, "What should I do first today?"); err != nil {
		return err
	}
	after, err := s.backend.store.Status(ctx, s.key("notes"))
	if err != nil {
		return err
	}
	if after.Generation == before.Generation {
		return errors.New("the token was not refreshed")
	}
	s.page.Works("the relay", fmt.Sprintf("Notes refused generation %d of the token; generation %d was stored, and the call sent again", before.Generation, after.Generation))
	s.log.take("")
	return nil
}

// 4. Mia disconnects in the middle of a run.
func (s *story) disconnects(ctx context.Context) error {
	s.page.Begin("Mia disconnects Notes in the middle of a run, and the next call is refused")
	var disconnected error
	s.during.plan(func() { _, disconnected = s.backend.store.Disconnect(ctx, s.key("notes")) })
	if err := s.turn(ctx, "What about the offsite?"); err != nil {
		return err
	}
	if disconnected != nil {
		return disconnected
	}
	s.logged("notes")
	s.page.Note("OpenAI reports only a failed call. The relay remembers why it refused the ticket, so the failure names the cause.")
	return nil
}

// 5. A vendor changes a tool.
func (s *story) changes(ctx context.Context) error {
	s.page.Begin("Overnight Tasks changes a tool: it is withheld until an engineer accepts it")
	if err := s.world.Fault("tasks:changed_tools"); err != nil {
		return err
	}
	if err := s.turn(ctx, "What should I do, once again?"); err != nil {
		return err
	}
	s.logged("tool changed")
	s.page.Note("The new description told the model to send all results elsewhere. 'toolgrant tools tasks --pin' shows the change and accepts it.")
	return nil
}

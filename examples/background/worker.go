package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
	"github.com/toolgrant/toolgrant/providers"
)

// mia is the user of this backend.
var mia = oauthstore.Owner{Tenant: "acme", Subject: "mia"}

// A worker is one process of the backend. It keeps nothing in memory that another
// worker with the same files needs.
type worker struct {
	client   openai.Client
	keys     *keyset.Set
	database *sqlitestore.Backend
	store    *oauthstore.Store
	notes    providers.Provider
	set      *mcptools.Set
	state    string // file of the conversation's state; in production, a row of your database
}

// live is a response that users watch while it runs.
func live() session.Options {
	return session.Options{
		Params: responses.ResponseNewParams{Model: "gpt-5", Background: openai.Bool(true)},
		Stream: true,
		Build:  mcptools.SetBuildOptions{MinTTL: 30 * time.Minute}, // the longest time that it may run
	}
}

// overnight is a response that OpenAI may complete within two hours.
func overnight() session.Options {
	params := responses.ResponseNewParams{Model: "gpt-5", Background: openai.Bool(true)}
	params.SetExtraFields(map[string]any{"background_options": map[string]any{"completion_window": "2h"}})
	return session.Options{Params: params}
}

// open opens the conversation as its last worker has left it.
func (w *worker) open(o session.Options) (*session.Session, error) {
	data, err := os.ReadFile(w.state)
	switch {
	case errors.Is(err, fs.ErrNotExist): // a new conversation
	case err != nil:
		return nil, err
	default:
		o.State = new(session.State)
		if err := json.Unmarshal(data, o.State); err != nil {
			return nil, err
		}
	}
	return session.New(&w.client.Responses, w.set, mia, &o)
}

func (w *worker) save(s *session.Session) error {
	data, err := json.Marshal(s.State())
	if err != nil {
		return err
	}
	return os.WriteFile(w.state, data, 0o600)
}

// start asks a question and follows the response.
func (w *worker) start(ctx context.Context, question string, show func(session.Event)) error {
	s, err := w.open(live())
	if err != nil {
		return err
	}
	return w.follow(s, s.Run(ctx, question), show)
}

// resume goes on with the response that another worker has started.
func (w *worker) resume(ctx context.Context, o session.Options, show func(session.Event)) error {
	s, err := w.open(o)
	if err != nil {
		return err
	}
	return w.follow(s, s.Continue(ctx, nil), show)
}

// follow stores the state with each event before it is shown, so that a worker
// that resumes shows no event twice.
func (w *worker) follow(s *session.Session, events iter.Seq2[session.Event, error], show func(session.Event)) error {
	for event, err := range events {
		if err = errors.Join(err, w.save(s)); err != nil {
			return err
		}
		show(event)
	}
	return nil
}

// submit asks a question and returns as soon as the response runs at OpenAI.
func (w *worker) submit(ctx context.Context, question string) error {
	s, err := w.open(overnight())
	if err != nil {
		return err
	}
	for event, err := range s.Run(ctx, question) {
		if err = errors.Join(err, w.save(s)); err != nil || event.Type == session.EventRunning {
			return err
		}
	}
	return nil
}

// cancel cancels the response that runs.
func (w *worker) cancel(ctx context.Context) error {
	s, err := w.open(overnight())
	if err != nil {
		return err
	}
	return errors.Join(s.Abandon(ctx, "The user has canceled."), w.save(s))
}

// newWorker opens the files of the backend in dir.
func newWorker(ctx context.Context, client openai.Client, dir, serverURL string) (w *worker, err error) {
	w = &worker{
		client: client, state: filepath.Join(dir, "conversation.json"),
		notes: providers.Custom("notes", serverURL, &providers.CustomOptions{Name: "Notes"}),
	}
	file := keyset.File(filepath.Join(dir, "keyset.json"))
	w.keys, err = keyset.Load(ctx, file.Read, nil)
	if errors.Is(err, fs.ErrNotExist) {
		w.keys, err = keyset.Create(ctx, file, nil)
	}
	if err != nil {
		return nil, err
	}
	if w.database, err = sqlitestore.Open(ctx, filepath.Join(dir, "toolgrant.db"), nil); err != nil {
		return nil, err
	}
	if w.store, err = oauthstore.New(w.database, w.keys, &oauthstore.Options{InsecureAllowLoopback: true}); err != nil {
		return nil, errors.Join(err, w.database.Close())
	}
	if err := w.build(nil); err != nil {
		return nil, errors.Join(err, w.close(ctx))
	}
	return w, nil
}

// build makes the entries of this worker: for the server itself, or for a relay.
func (w *worker) build(relay mcptools.Relay) error {
	builder, err := mcptools.NewBuilder(w.notes, w.store, &mcptools.Options{
		Relay: relay, ReadOnly: true, Approval: mcptools.ApprovalNever, InsecureAllowLoopback: true,
	})
	if err != nil {
		return err
	}
	w.set, err = mcptools.NewSet(builder)
	return err
}

func (w *worker) close(ctx context.Context) error {
	return errors.Join(w.store.Close(context.WithoutCancel(ctx)), w.database.Close())
}

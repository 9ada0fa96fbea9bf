package rotation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/filestore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

// workerVariable makes the test binary a worker with this configuration.
const workerVariable = "TOOLGRANT_ROTATION_WORKER"

// A workerConfig configures a worker.
type workerConfig struct {
	Name  string    `json:"name"`
	Dir   string    `json:"dir"` // folder of the store and the keyset
	Until time.Time `json:"until"`
	Quiet bool      `json:"quiet"` // only writes, and rarely
	Lacks string    `json:"lacks"` // the disabled protection: "lock", "reload", "wait", or ""
}

// A report is one line of a worker's output.
type report struct {
	Added   string `json:"added,omitempty"`
	Dropped string `json:"dropped,omitempty"`
	Written string `json:"written,omitempty"`
	Trouble string `json:"trouble,omitempty"` // an unexpected error
}

const (
	reloadAge  = 500 * time.Millisecond
	staleLimit = time.Second
	saveBudget = 500 * time.Millisecond
	dropWait   = 3 * time.Second
	// readLimit is how long a record may be unreadable: until a late write is
	// sealed again.
	readLimit = 10 * time.Second
)

func (c *workerConfig) file() keyset.File { return keyset.File(filepath.Join(c.Dir, "keyset.json")) }

func (c *workerConfig) options() *keyset.Options {
	o := &keyset.Options{ReloadAge: reloadAge, StaleLimit: staleLimit, DropWait: dropWait}
	switch c.Lacks {
	case "reload":
		o.ReloadAge, o.StaleLimit = time.Hour, time.Hour
	case "wait":
		o.DropWait = -1
	}
	return o
}

// update changes the keyset, without the lock if it is disabled.
func (c *workerConfig) update(ctx context.Context, change func(*keyset.Set) error) error {
	var src keyset.Source = c.file()
	if c.Lacks == "lock" {
		src = unlocked{c.file()}
	}
	_, err := keyset.Update(ctx, src, c.options(), change)
	return err
}

// unlocked replaces the file without comparing its content.
type unlocked struct{ keyset.File }

func (u unlocked) Swap(_ context.Context, _, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(string(u.File)), "new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), string(u.File))
}

func keyOf(subject string) oauthstore.Key {
	return oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: subject}, Provider: "example", Server: "https://mcp.example.com/mcp"}
}

// A worker is the state inside a process.
type worker struct {
	workerConfig
	store *oauthstore.Store
	out   *json.Encoder
	mine  []string
}

func open(c *workerConfig) (*oauthstore.Store, func() error, error) {
	ctx := context.Background()
	keys, err := keyset.Load(ctx, c.file().Read, c.options())
	if err != nil {
		return nil, nil, err
	}
	db, err := filestore.Open(filepath.Join(c.Dir, "records"))
	if err != nil {
		return nil, nil, err
	}
	store, err := oauthstore.New(db, keys, &oauthstore.Options{SaveBudget: saveBudget, CacheAge: -1})
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return store, func() error { return errors.Join(store.Close(ctx), db.Close()) }, nil
}

func work(text string) error {
	w := &worker{out: json.NewEncoder(os.Stdout)}
	if err := json.Unmarshal([]byte(text), &w.workerConfig); err != nil {
		return err
	}
	store, closeStore, err := open(&w.workerConfig)
	if err != nil {
		return err
	}
	w.store = store
	for n := 0; time.Now().Before(w.Until); n++ {
		w.step(context.Background(), n)
		pause := time.Duration(rand.IntN(100)) * time.Millisecond
		if w.Quiet {
			pause *= 4
		}
		<-time.After(pause)
	}
	return closeStore()
}

func (w *worker) say(r report) {
	if err := w.out.Encode(r); err != nil {
		panic(err) // the test is over
	}
}

// step performs one random operation.
func (w *worker) step(ctx context.Context, n int) {
	dice := rand.IntN(100)
	if w.Quiet || len(w.mine) == 0 {
		dice = 0
	}
	var err error
	switch {
	case dice < 35:
		err = w.write(ctx, n)
	case dice < 60:
		err = w.read(ctx, w.mine[rand.IntN(len(w.mine))])
	case dice < 70:
		err = w.add(ctx)
	case dice < 75:
		err = w.promote(ctx)
	case dice < 80:
		err = w.rewrap(ctx)
	case dice < 90: // a whole rotation without a pause
		if err = w.promote(ctx); err == nil {
			err = w.rewrap(ctx)
		}
		fallthrough
	default:
		if err != nil {
			break
		}
		err = w.drop(ctx)
	}
	if err != nil && !errors.Is(err, oauthstore.ErrUnavailable) {
		w.say(report{Trouble: err.Error()})
	}
}

// write creates a credential, or replaces one of this worker's.
func (w *worker) write(ctx context.Context, n int) error {
	subject := fmt.Sprintf("%s-%d", w.Name, n%50)
	_, err := w.store.Put(ctx, keyOf(subject), oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-" + subject), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedImport},
	})
	if err == nil {
		w.mine = append(w.mine, subject)
		w.say(report{Written: subject})
	}
	return err
}

func (w *worker) read(ctx context.Context, subject string) error {
	for limit := time.Now().Add(readLimit); ; <-time.After(100 * time.Millisecond) {
		tok, err := w.store.Token(ctx, keyOf(subject), oauthstore.Need{})
		switch {
		case err == nil && tok.AccessToken.Expose() != "synthetic-"+subject:
			return fmt.Errorf("%s has the token of another user", subject)
		case !errors.Is(err, backend.ErrKeyUnavailable) || time.Now().After(limit):
			return err
		}
	}
}

func (w *worker) add(ctx context.Context) error {
	id := ""
	err := w.update(ctx, func(s *keyset.Set) (err error) {
		id = ""
		if len(s.Keys()) < 8 {
			id, err = s.Add()
		}
		return err
	})
	if err == nil && id != "" {
		w.say(report{Added: id})
	}
	return err
}

func (w *worker) promote(ctx context.Context) error {
	return w.update(ctx, func(s *keyset.Set) error {
		keys := s.Keys()
		return s.Promote(keys[rand.IntN(len(keys))].ID)
	})
}

func (w *worker) rewrap(ctx context.Context) error {
	_, err := w.store.Rewrap(ctx)
	if errors.Is(err, backend.ErrKeyUnavailable) {
		return nil // a late write: reads check whether it stays unreadable
	}
	return err
}

// drop drops a key that no record needs, like the command.
func (w *worker) drop(ctx context.Context) error {
	counted := time.Now()
	use, err := w.store.KeyUse(ctx)
	if err != nil {
		return err
	}
	dropped := ""
	err = w.update(ctx, func(s *keyset.Set) error {
		dropped = ""
		for _, k := range s.Keys() {
			if k.Primary || use[k.ID] > 0 {
				continue
			}
			switch err := s.Drop(k.ID, counted); {
			case err == nil:
				dropped = k.ID
				return nil
			case !errors.Is(err, oauthstore.ErrUnavailable):
				return err
			}
		}
		return nil
	})
	if err == nil && dropped != "" {
		w.say(report{Dropped: dropped})
	}
	return err
}

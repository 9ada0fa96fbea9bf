package fleet_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

// workerVariable has the configuration of a worker, a process with its own
// store. It then reads orders from its standard input and writes reports to its
// standard output, as lines of JSON.
const workerVariable = "TOOLGRANT_TEST_WORKER"

type workerConfig struct {
	Name  string `json:"name"`
	Place place  `json:"place"`
	Keys  []byte `json:"keys"`
	// Keyset is the file of the keyset, which changes. If empty, Keys.
	Keyset string `json:"keyset"`
	Times  times  `json:"times"`
	// Naive works without this library. See naive_test.go.
	Naive bool `json:"naive"`
	// Skew is the advance of the process's clock over the others'.
	Skew time.Duration `json:"skew"`
}

// times are the duration options of a store. If zero, its default.
type times struct {
	Post     time.Duration `json:"post"`
	Save     time.Duration `json:"save"`
	Lease    time.Duration `json:"lease"`
	CacheAge time.Duration `json:"cache_age"`
}

type order struct {
	ID         int    `json:"id"`
	Do         string `json:"do"`         // token, refresh, put, disconnect, load, use, exhaust, measure
	Subject    string `json:"subject"`    // owner of the credential
	Generation uint64 `json:"generation"` // refresh
	// put:
	Access  string                `json:"access"`
	Refresh string                `json:"refresh"`
	Expiry  time.Time             `json:"expiry"`
	From    oauthstore.Provenance `json:"from"` // also for a naive worker's token; load
	// load, use, exhaust:
	Callers int           `json:"callers"`
	For     time.Duration `json:"for"`
	Users   int           `json:"users"`
}

// keyOf names a user's credential: all have one, at the same server.
func keyOf(subject string) oauthstore.Key {
	return oauthstore.Key{
		Owner: oauthstore.Owner{Tenant: "acme", Subject: subject}, Provider: "notes", Server: "https://mcp.example.com/mcp",
	}
}

// A report is the result of an order, an event of the store, or the last output
// of a worker.
type report struct {
	ID         int               `json:"id"` // of the order; 0: none
	Access     string            `json:"access"`
	Generation uint64            `json:"generation"`
	Class      string            `json:"class"` // of the error; "": success
	Reason     oauthstore.Reason `json:"reason"`
	RetryAfter time.Duration     `json:"retry_after"`
	Revoked    *bool             `json:"revoked"`
	Took       []time.Duration   `json:"took"`   // load: of each refresh
	Counts     map[string]int    `json:"counts"` // use: calls by the class of their error; measure: what the process holds
	Text       string            `json:"text"`

	Event   oauthstore.EventType `json:"event"`
	Subject string               `json:"subject"` // of the event
	Closing bool                 `json:"closing"`
	Closed  bool                 `json:"closed"`
	Died    bool                 `json:"-"`
	heard   time.Time            // by the test
}

// classes are the names of store errors.
var classes = []struct {
	word string
	err  error
}{
	{"not found", oauthstore.ErrNotFound},
	{"reauthorize", oauthstore.ErrReauthorize},
	{"misconfigured", oauthstore.ErrMisconfigured},
	{"closed", backend.ErrClosed},
	{"unavailable", oauthstore.ErrUnavailable},
}

func (r *report) failed(err error) {
	if err == nil {
		return
	}
	r.Class, r.Text = "other", err.Error()
	for _, c := range classes {
		if errors.Is(err, c.err) {
			r.Class = c.word
			break
		}
	}
	if e, ok := errors.AsType[*oauthstore.Error](err); ok {
		r.Reason, r.RetryAfter = e.Reason, e.RetryAfter
	}
}

// keysetOptions are those of a keyset that is rotated every few seconds.
var keysetOptions = keyset.Options{ReloadAge: 500 * time.Millisecond, StaleLimit: 2 * time.Second, DropWait: 5 * time.Second}

func (c *workerConfig) keys(ctx context.Context) (*keyset.Set, error) {
	if c.Keyset == "" {
		return keyset.Parse(c.Keys)
	}
	return keyset.Load(ctx, keyset.File(c.Keyset).Read, &keysetOptions)
}

// A worker is the state inside a process.
type worker struct {
	backend backend.Backend
	closer  io.Closer
	store   *oauthstore.Store
	client  *http.Client
	naive   bool

	mu  sync.Mutex
	out *json.Encoder
}

func (w *worker) say(r report) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.out.Encode(r); err != nil {
		panic(err) // the test is over
	}
}

// named sends requests with the worker's name.
type named struct {
	name string
	next http.RoundTripper
}

func (n named) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(workerHeader, n.name)
	return n.next.RoundTrip(r)
}

// work is the main function of a worker. It returns at the end of its input, or
// on an interrupt, and then closes its store.
func work(text string) error {
	var cfg workerConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return err
	}
	ctx := context.Background()
	db, closer, err := cfg.Place.open(ctx)
	if err != nil {
		return err
	}
	defer closer.Close()
	keys, err := cfg.keys(ctx)
	if err != nil {
		return err
	}
	w := &worker{
		backend: db, closer: closer, client: safehttp.New(&safehttp.Options{AllowLoopback: true}), naive: cfg.Naive,
		out: json.NewEncoder(os.Stdout),
	}
	w.client.Transport = named{cfg.Name, w.client.Transport}
	b, sealer := skewed(cfg.Skew, db, keys)
	w.store, err = oauthstore.New(b, sealer, &oauthstore.Options{
		PostTimeout: cfg.Times.Post, SaveBudget: cfg.Times.Save, Lease: cfg.Times.Lease, CacheAge: cfg.Times.CacheAge,
		InsecureTransport: w.client.Transport, InsecureAllowLoopback: true,
		Observer: func(_ context.Context, e oauthstore.Event) {
			r := report{Event: e.Type, Reason: e.Reason, Generation: e.Generation, Subject: e.Key.Owner.Subject}
			if e.Err != nil {
				r.Text = e.Err.Error()
			}
			w.say(r)
		},
	})
	if err != nil {
		return err
	}
	watched, stopWatch := context.WithCancel(ctx)
	var watch sync.WaitGroup
	if cfg.Place.Direct != "" {
		watch.Go(func() { _ = w.store.Watch(watched) })
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- w.serve(os.Stdin) }()
	select {
	case <-interrupted:
		w.say(report{Closing: true})
	case err = <-ended:
	}
	cctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	stopWatch()
	watch.Wait()
	err = errors.Join(err, w.store.Close(cctx))
	last := report{Closed: true}
	last.failed(err)
	w.say(last)
	return err
}

func (w *worker) serve(in io.Reader) error {
	w.say(report{}) // ready
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		go func() {
			r := w.do(context.Background(), &o)
			r.ID = o.ID
			w.say(r)
		}()
	}
	return lines.Err()
}

func (w *worker) do(ctx context.Context, o *order) (r report) {
	key := keyOf(o.Subject)
	switch {
	case o.Do == "token" && w.naive:
		access, err := w.naiveToken(ctx, o)
		r.failed(err)
		r.Access = access
	case o.Do == "token":
		// Do not refresh early: only expired tokens.
		tok, err := w.store.Token(ctx, key, oauthstore.Need{MinTTL: 1, Ahead: 1})
		r.failed(err)
		r.Access, r.Generation = tok.AccessToken.Expose(), tok.Generation
	case o.Do == "refresh":
		st, err := w.store.Refresh(ctx, key, o.Generation)
		r.failed(err)
		r.Generation = st.Generation
	case o.Do == "put":
		st, err := w.store.Put(ctx, key, oauthstore.Credential{
			AccessToken: oauthstore.NewSecret(o.Access), RefreshToken: oauthstore.NewSecret(o.Refresh),
			Expiry: o.Expiry, Provenance: o.From,
		})
		r.failed(err)
		r.Generation = st.Generation
	case o.Do == "disconnect":
		d, err := w.store.Disconnect(ctx, key)
		r.failed(err)
		r.Revoked = d.Revoked
	case o.Do == "load":
		r.Took = w.load(ctx, o, &r)
	case o.Do == "use":
		r.Counts = w.use(ctx, o)
	case o.Do == "exhaust":
		if c, ok := w.closer.(closers); ok {
			c.exhaust(ctx, o.For)
		}
	case o.Do == "measure":
		r.Counts = measure()
	default:
		r.failed(errors.New("unknown order"))
	}
	return r
}

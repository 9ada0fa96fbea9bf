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

// What a worker is, a process of its own with a store of its own, it reads
// from this variable; then it reads orders from its standard input and writes
// what came of them to its standard output, a line of JSON each.
const workerVariable = "TOOLGRANT_TEST_WORKER"

type workerConfig struct {
	Name  string `json:"name"`
	Place place  `json:"place"`
	Keys  []byte `json:"keys"`
	Times times  `json:"times"`
	// Naive: what this library is not. See naive_test.go.
	Naive bool `json:"naive"`
	// Skew is by how much the process's clock is ahead of the others'.
	Skew time.Duration `json:"skew"`
}

// times are the options of a store that are durations. Zero is its default.
type times struct {
	Post     time.Duration `json:"post"`
	Save     time.Duration `json:"save"`
	Lease    time.Duration `json:"lease"`
	CacheAge time.Duration `json:"cache_age"`
}

type order struct {
	ID         int    `json:"id"`
	Do         string `json:"do"`         // token, refresh, put, disconnect
	Subject    string `json:"subject"`    // whose credential
	Generation uint64 `json:"generation"` // refresh
	// put:
	Access  string                `json:"access"`
	Refresh string                `json:"refresh"`
	Expiry  time.Time             `json:"expiry"`
	From    oauthstore.Provenance `json:"from"` // and of a naive worker's token
}

// keyOf names a user's credential: all have one, at the same server.
func keyOf(subject string) oauthstore.Key {
	return oauthstore.Key{
		Owner: oauthstore.Owner{Tenant: "acme", Subject: subject}, Provider: "notes", Server: "https://mcp.example.com/mcp",
	}
}

// A report is what came of an order, or an event of the store, or the last
// word of a worker.
type report struct {
	ID         int               `json:"id"` // of the order; 0 is none
	Access     string            `json:"access"`
	Generation uint64            `json:"generation"`
	Class      string            `json:"class"` // of the error; "" is success
	Reason     oauthstore.Reason `json:"reason"`
	RetryAfter time.Duration     `json:"retry_after"`
	Revoked    *bool             `json:"revoked"`
	Text       string            `json:"text"`

	Event   oauthstore.EventKind `json:"event"`
	Subject string               `json:"subject"` // of the event
	Closing bool                 `json:"closing"`
	Closed  bool                 `json:"closed"`
	Died    bool                 `json:"-"`
}

// classes are the words for what an error of a store is.
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

// A worker is the process from the inside.
type worker struct {
	backend backend.Backend
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
		panic(err) // nobody listens
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

// work is the main function of a worker. It ends with its input, or as a good
// program does on an interrupt: it closes its store.
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
	keys, err := keyset.Parse(cfg.Keys)
	if err != nil {
		return err
	}
	w := &worker{
		backend: db, client: safehttp.New(&safehttp.Options{AllowLoopback: true}), naive: cfg.Naive,
		out: json.NewEncoder(os.Stdout),
	}
	w.client.Transport = named{cfg.Name, w.client.Transport}
	b, sealer := skewed(cfg.Skew, db, keys)
	w.store, err = oauthstore.New(b, sealer, &oauthstore.Options{
		PostTimeout: cfg.Times.Post, SaveBudget: cfg.Times.Save, Lease: cfg.Times.Lease, CacheAge: cfg.Times.CacheAge,
		InsecureTransport: w.client.Transport, InsecureAllowLoopback: true,
		Observer: func(_ context.Context, e oauthstore.Event) {
			r := report{Event: e.Kind, Reason: e.Reason, Generation: e.Generation, Subject: e.Key.Owner.Subject}
			if e.Err != nil {
				r.Text = e.Err.Error()
			}
			w.say(r)
		},
	})
	if err != nil {
		return err
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- w.obey(os.Stdin) }()
	select {
	case <-interrupted:
		w.say(report{Closing: true})
	case err = <-ended:
	}
	cctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = errors.Join(err, w.store.Close(cctx))
	last := report{Closed: true}
	last.failed(err)
	w.say(last)
	return err
}

func (w *worker) obey(in io.Reader) error {
	w.say(report{}) // it is there
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
		// Nothing is refreshed ahead: only what has ended is.
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
	default:
		r.failed(errors.New("no such order"))
	}
	return r
}

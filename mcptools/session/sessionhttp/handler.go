package sessionhttp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// Options configures a [Handler].
type Options struct {
	// MaxTurn is the longest time of a turn. If the process dies, no turn of the
	// conversation begins before it is over. If zero, 10 min.
	MaxTurn time.Duration

	// Grace is the time for which a turn goes on after the last browser that listened to
	// it in this process has left. Then it is canceled, and the conversation is that
	// before the turn or, if calls were approved, that after the approval. A turn to
	// which none has listened here is bounded by MaxTurn only, since its browser may
	// listen at another replica. If zero, 1 min.
	Grace time.Duration

	// KeepAlive is the time between two comments on a stream without events. At each,
	// the handler asks again whether the user is signed in. If zero, 15 s.
	KeepAlive time.Duration

	// Buffer is the size in bytes of the events that are kept for browsers that
	// reconnect. A browser that missed more gets the whole state. If zero, 256 KiB.
	Buffer int

	// MaxStreams is the maximum number of streams of one owner in this process. If
	// zero, 16.
	MaxStreams int

	// CrossOrigin decides which other origins may post. If nil, none.
	CrossOrigin *http.CrossOriginProtection

	// Logger logs errors that users don't see. If nil, nothing is logged.
	Logger *slog.Logger
}

// A Handler serves conversations to browsers. It is safe for concurrent use.
type Handler struct {
	signedIn func(*http.Request) (oauthstore.Owner, error)
	open     Open
	store    Store
	opts     Options
	log      *slog.Logger

	turns   sync.WaitGroup
	closing chan struct{} // closed by Close

	mu            sync.Mutex
	conversations map[place]*conversation  // in use, or not idle for long; guarded by mu
	streams       map[oauthstore.Owner]int // guarded by mu
	closed        bool                     // guarded by mu
}

// An Open returns the session of a conversation, by [session.New] with state as
// Options.State. state is nil for a new conversation. Options.Approve is usually
// nil, so that the user is asked in the browser. The session serves several turns
// while the conversation is in use, and ctx is that of a request.
type Open func(ctx context.Context, owner oauthstore.Owner, id string, state *session.State) (*session.Session, error)

// New returns a handler. signedIn returns the owner of a request, from the
// site's own session, as for connect.Web; an error means that no user is signed
// in. opts may be nil.
func New(signedIn func(*http.Request) (oauthstore.Owner, error), open Open, store Store, opts *Options) (*Handler, error) {
	if signedIn == nil || open == nil || store == nil {
		return nil, errtext.New("sessionhttp: New needs functions signedIn and open, and a store")
	}
	var o Options
	if opts != nil {
		o = *opts
	}
	o.MaxTurn = cmp.Or(o.MaxTurn, 10*time.Minute)
	o.Grace = cmp.Or(o.Grace, time.Minute)
	o.KeepAlive = cmp.Or(o.KeepAlive, 15*time.Second)
	o.Buffer = cmp.Or(o.Buffer, 256<<10)
	o.MaxStreams = cmp.Or(o.MaxStreams, 16)
	if o.MaxTurn < 0 || o.Grace < 0 || o.KeepAlive < 0 || o.Buffer < 0 || o.MaxStreams < 0 {
		return nil, errtext.New("sessionhttp: an option is negative")
	}
	if o.CrossOrigin == nil {
		o.CrossOrigin = http.NewCrossOriginProtection()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Handler{
		signedIn: signedIn, open: open, store: store, opts: o, log: o.Logger, closing: make(chan struct{}),
		conversations: make(map[place]*conversation), streams: make(map[oauthstore.Owner]int),
	}, nil
}

// Close ends the streams, cancels the turns, and waits until their ends are
// stored; if ctx ends first, it returns its error. Requests get 503 from then on. Call it before
// [http.Server.Shutdown], which waits for streams.
func (h *Handler) Close(ctx context.Context) error {
	h.mu.Lock()
	var all []*conversation
	if !h.closed {
		h.closed = true
		close(h.closing)
	}
	for _, c := range h.conversations {
		c.idle.Stop()
		all = append(all, c)
	}
	h.mu.Unlock()
	for _, c := range all {
		c.cancel(errClosing)
	}
	ended := make(chan struct{})
	go func() {
		h.turns.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ServeHTTP serves the conversation of the signed-in user whose id is the path
// value "id" of the request: 1 to 64 letters, digits, '-' and '_'. Mount it with a
// pattern such as "/chats/{id}". See the package's documentation for the requests.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if p := h.serve(w, r); p != nil {
		p.write(w)
	}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) *problem {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		return wrongMethod
	}
	owner, err := h.signedIn(r)
	if err != nil {
		return signedOut
	}
	at := place{owner, r.PathValue("id")}
	if !validID(at.id) {
		return notFound
	}
	listens := r.Method == http.MethodGet
	var in command
	if !listens {
		if err := h.opts.CrossOrigin.Check(r); err != nil {
			return crossOrigin
		}
		var p *problem
		if in, p = readCommand(w, r); p != nil {
			return p
		}
	}
	c, p := h.use(at, listens)
	if p != nil {
		return p
	}
	defer h.leave(c, listens)
	switch {
	case listens:
		return h.stream(w, r, c)
	case in.Stop:
		p = c.stop(r.Context())
	default:
		p = c.begin(r.Context(), in.Message, in.Answers)
	}
	if p == nil {
		w.WriteHeader(http.StatusAccepted)
	}
	return p
}

func validID(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// A command is the body of a POST: one of its fields.
type command struct {
	Message string                    `json:"message"`
	Answers map[string]session.Answer `json:"answers"` // by approval id; {} continues what can go on without
	Stop    bool                      `json:"stop"`
}

// maxBody is the maximum size of a body in bytes.
const maxBody = 64 << 10

func readCommand(w http.ResponseWriter, r *http.Request) (command, *problem) {
	var in command
	// A form of another site can't have this type without asking first.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return in, wrongType
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return in, tooLarge
	}
	if err != nil || json.Unmarshal(raw, &in) != nil {
		return in, badRequest
	}
	in.Message = strings.TrimSpace(in.Message)
	given := 0
	for _, is := range []bool{in.Message != "", in.Answers != nil, in.Stop} {
		if is {
			given++
		}
	}
	if given != 1 {
		return in, badRequest
	}
	for _, a := range in.Answers {
		if a.Decision != session.DecisionApprove && a.Decision != session.DecisionDeny {
			return in, badRequest
		}
	}
	return in, nil
}

// use returns the conversation and counts the request, or returns why it can't be
// used.
func (h *Handler) use(at place, listens bool) (*conversation, *problem) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, closing
	}
	if listens && h.streams[at.owner] >= h.opts.MaxStreams {
		return nil, tooMany
	}
	c, ok := h.conversations[at]
	if !ok {
		c = newConversation(h, at)
		c.idle = time.AfterFunc(h.opts.Grace, func() { h.expire(c) })
		h.conversations[at] = c
	}
	c.users++
	if listens {
		c.listeners++
		c.heard = true
		h.streams[at.owner]++
		c.idle.Stop()
	}
	return c, nil
}

// leave ends what use began.
func (h *Handler) leave(c *conversation, listened bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.users--
	if listened {
		c.listeners--
		if h.streams[c.owner]--; h.streams[c.owner] == 0 {
			delete(h.streams, c.owner)
		}
	}
	if c.listeners == 0 && !h.closed {
		c.idle.Reset(h.opts.Grace)
	}
}

// expire cancels the turn of a conversation whose browsers have left a while ago, or
// forgets the conversation. A turn to which none has listened here goes on: its
// browser may listen at another replica.
func (h *Handler) expire(c *conversation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed || c.listeners > 0:
	case c.users == 0:
		delete(h.conversations, c.place)
	case c.heard:
		c.cancel(errAbandoned) // its end comes back here
	}
}

// spawn runs a turn of c, unless the handler is closed.
func (h *Handler) spawn(c *conversation, run func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	c.users++
	c.heard = c.listeners > 0
	h.turns.Go(func() {
		defer h.leave(c, false)
		run()
	})
	return true
}

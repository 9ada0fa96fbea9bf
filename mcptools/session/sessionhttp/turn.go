package sessionhttp

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"iter"
	"runtime/debug"
	"slices"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/sleep"
	"github.com/toolgrant/toolgrant/mcptools/session"
)

// A turn is one that runs in this process, or is about to.
type turn struct {
	stop    context.CancelCauseFunc
	running bool // it has begun, and can be canceled; guarded by mu of the conversation
}

// begin starts a turn with a message, or one that continues with answers. The
// turn goes on after the request of ctx.
func (c *conversation) begin(ctx context.Context, message string, answers map[string]session.Answer) *problem {
	t := &turn{}
	if !c.reserve(t) {
		return busy
	}
	begun := false
	defer func() {
		if !begun {
			c.free(t)
		}
	}()
	s, p := c.open(ctx)
	if p != nil {
		return p
	}
	switch st := s.State(); {
	case message != "" && waits(st):
		return waiting
	case message == "" && !continues(st, answers):
		return notWaiting
	}

	ctx, end := context.WithTimeoutCause(context.WithoutCancel(ctx), c.h.opts.MaxTurn, errTooLong)
	ctx, t.stop = context.WithCancelCause(ctx)
	claimed := make(chan *problem, 1)
	if !c.h.spawn(c, func() {
		defer end()
		defer t.stop(nil)
		p := c.claim(ctx, t, message)
		claimed <- p
		switch {
		case p != nil:
			c.free(t)
		case message != "":
			c.run(ctx, s, s.Run(ctx, message))
		default:
			c.run(ctx, s, s.Continue(ctx, answers))
		}
	}) {
		t.stop(nil)
		end()
		return closing
	}
	begun = true
	return <-claimed
}

// continues reports whether the answers, which may be none, are about calls that
// wait.
func continues(st session.State, answers map[string]session.Answer) bool {
	for id := range answers {
		if !slices.ContainsFunc(st.Pending, func(a session.ApprovalRequest) bool { return a.ID == id }) {
			return false
		}
	}
	return st.Running != "" && len(answers) == 0 || len(st.Pending)+len(st.Calls) > 0
}

// reserve makes t the turn that runs, unless there is one.
func (c *conversation) reserve(t *turn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn != nil {
		return false
	}
	c.turn = t
	return true
}

func (c *conversation) free(t *turn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn == t {
		c.turn = nil
	}
}

// open returns the session of the conversation as it is stored. The caller has
// reserved the turn.
func (c *conversation) open(ctx context.Context) (*session.Session, *problem) {
	r, err := c.h.store.Get(ctx, c.owner, c.id)
	if errors.Is(err, ErrNotFound) {
		return nil, notFound
	}
	if err != nil {
		return nil, c.h.internal("the store did not return the conversation", err)
	}
	c.mu.Lock()
	if c.epoch == "" || c.version != r.Version {
		err = c.load(r)
	}
	runs := time.Now().Before(c.doc.Until)
	if !runs {
		c.doc.Events, c.doc.Until = c.history(), time.Time{}
	}
	s, state := c.session, c.doc.State
	c.mu.Unlock()
	switch {
	case err != nil:
		return nil, c.h.internal("the record could not be read", err)
	case runs:
		return nil, busy
	case s != nil:
		return s, nil
	}
	if s, err = c.h.open(ctx, c.owner, c.id, state); err != nil {
		return nil, c.h.internal("the session could not be opened", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = s
	return s, nil
}

// claim records that a turn runs, so that no other process begins one. message is
// the user's, or "".
func (c *conversation) claim(ctx context.Context, t *turn, message string) *problem {
	c.mu.Lock()
	doc, version := c.doc, c.version
	c.mu.Unlock()
	deadline, _ := ctx.Deadline()
	doc.Until, doc.Claim = deadline.Add(saveLimit), rand.Text()
	said := note{Event: "message", Text: message}.encode()
	if message != "" {
		doc.Events = with(doc.Events, said)
	}
	err := c.put(ctx, version, doc)
	if errors.Is(err, ErrConflict) {
		return busy
	}
	if err != nil {
		return c.h.internal("the store did not keep the conversation", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doc, c.version = doc, version+1
	t.running = true
	select {
	case <-c.h.closing: // Close came before, and has left this turn to us
		t.stop(errClosing)
	default:
	}
	if message != "" {
		c.publish(said)
	}
	return nil
}

// run makes the turn and stores its end.
func (c *conversation) run(ctx context.Context, s *session.Session, events iter.Seq2[session.Event, error]) {
	last, kept := c.consume(ctx, events)
	st := s.State()
	c.mu.Lock()
	doc, version := c.doc, c.version
	doc.Events, doc.State, doc.Until, doc.Claim = c.history(), &st, time.Time{}, ""
	c.mu.Unlock()
	if kept {
		doc.Events = with(doc.Events, last)
	}
	err := c.save(ctx, version, doc)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn = nil
	if err != nil {
		// The conversation is that before the turn, once its time is over.
		c.session = nil
		c.publish(c.h.internal("the store did not keep the end of a turn", err).note().encode())
		return
	}
	c.doc, c.version = doc, version+1
	c.text.Reset()
	c.publish(last)
	if kept && waits(st) {
		c.publishState()
	}
}

// consume publishes the events of a turn. It returns the last one, and whether a
// page shows it later.
func (c *conversation) consume(ctx context.Context, events iter.Seq2[session.Event, error]) (last json.RawMessage, kept bool) {
	defer func() {
		// As net/http does for handlers: the callbacks are the program's.
		if v := recover(); v != nil {
			c.h.log.ErrorContext(ctx, "sessionhttp: a turn panicked", "panic", v, "stack", string(debug.Stack()))
			last, kept = failed.note().encode(), true
		}
	}()
	for e, err := range events {
		if err == nil && (e.Type == session.EventDone || e.Type == session.EventWaiting) {
			last, err = json.Marshal(e)
		} else if err == nil {
			err = c.add(e)
		}
		if err != nil {
			return c.h.describe(ctx, err).encode(), true
		}
	}
	return last, false
}

// saveLimit is the longest time that the store may take to keep the end of a turn.
const saveLimit = time.Minute

// save stores the end of a turn, also after the turn was canceled.
func (c *conversation) save(ctx context.Context, version uint64, doc document) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := c.put(ctx, version, doc)
		if err == nil || errors.Is(err, ErrConflict) {
			return err
		}
		if sleep.For(ctx, wait) != nil {
			return err
		}
	}
}

// put stores the conversation. If the store fails after it has kept the record, such as
// when its answer is lost, put succeeds. Claims are random, so no other process that
// claims a turn writes the same record.
func (c *conversation) put(ctx context.Context, version uint64, doc document) error {
	data, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	if err = c.h.store.Put(ctx, c.owner, c.id, Record{Version: version, Data: data}); err == nil {
		return nil
	}
	if r, getErr := c.h.store.Get(ctx, c.owner, c.id); getErr == nil && r.Version == version+1 && bytes.Equal(r.Data, data) {
		return nil
	}
	return err
}

// Causes for which a turn is canceled.
var (
	errStopped   = errtext.New("sessionhttp: the user stopped the turn")
	errAbandoned = errtext.New("sessionhttp: no browser has listened")
	errTooLong   = errtext.New("sessionhttp: the turn took too long")
	errClosing   = errtext.New("sessionhttp: the process ends")
)

// cancel cancels the turn, if one runs here.
func (c *conversation) cancel(cause error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn == nil || !c.turn.running {
		return false
	}
	c.turn.stop(cause)
	return true
}

// stop cancels the turn that runs, or gives up the calls that wait.
func (c *conversation) stop(ctx context.Context) *problem {
	if c.cancel(errStopped) {
		return nil
	}
	t := &turn{}
	if !c.reserve(t) {
		return busy
	}
	defer c.free(t)
	s, p := c.open(ctx)
	if p != nil {
		return p
	}
	err := s.Abandon(ctx, "The user gave this up.")
	if errors.Is(err, session.ErrNotPending) {
		return notWaiting
	}
	if err != nil {
		return c.h.internal("the calls could not be given up", err)
	}
	st := s.State()
	c.mu.Lock()
	doc, version := c.doc, c.version
	c.mu.Unlock()
	last := stopped.note().encode()
	doc.State, doc.Events = &st, with(doc.Events, last)
	if err := c.put(ctx, version, doc); err != nil {
		c.drop()
		return c.h.internal("the store did not keep the conversation", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doc, c.version = doc, version+1
	c.publish(last)
	return nil
}

// drop forgets the session, whose state is not the stored one.
func (c *conversation) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = nil
}

package sessionhttp

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/mcptools/session"
)

// A document is the Data of a record.
type document struct {
	Format int               `json:"format"`
	State  *session.State    `json:"state,omitempty"`
	Events []json.RawMessage `json:"events,omitempty"` // what a page shows of the conversation, oldest first
	Until  time.Time         `json:"until,omitzero"`   // a turn may run until then; zero: none runs
	Claim  string            `json:"claim,omitempty"`  // random, of the turn that runs: no other process writes the same
}

// format is the version of the encoding of a document.
const format = 1

func decode(data []byte) (document, error) {
	d := document{Format: format}
	if len(data) == 0 {
		return d, nil
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return d, errtext.Errorf("sessionhttp: record: %w", err)
	}
	if d.Format != format {
		return d, errtext.Errorf("sessionhttp: record has format %d, and this package supports %d", d.Format, format)
	}
	return d, nil
}

// shown are the session's events that a page still shows after the turn. Texts
// are kept too, joined.
var shown = []session.EventType{
	session.EventSkipped, session.EventCalled, session.EventFailed, session.EventApproved, session.EventDenied,
}

// maxHistory is the maximum size of the events of a document in bytes. Older
// ones are dropped: the model still knows them.
const maxHistory = 256 << 10

// with returns events with one more.
func with(events []json.RawMessage, raw json.RawMessage) []json.RawMessage {
	events = append(slices.Clip(events), raw)
	size := 0
	for i, e := range slices.Backward(events) {
		if size += len(e); size > maxHistory && i < len(events)-1 {
			return slices.Clone(events[i+1:])
		}
	}
	return events
}

// A conversation is one that a browser listens to, or of which a turn runs.
type conversation struct {
	place
	h *Handler

	// Guarded by h.mu.
	users     int // requests and turns
	listeners int
	heard     bool        // a browser has listened here since the last turn began
	idle      *time.Timer // ends a turn without listeners, and then forgets the conversation

	mu      sync.Mutex
	session *session.Session // nil: not opened yet; guarded by mu
	doc     document         // guarded by mu; its slices are never changed in place
	version uint64           // of the record of doc; guarded by mu
	text    strings.Builder  // of the model, since the last of doc.Events; guarded by mu
	turn    *turn            // nil: none runs here; guarded by mu
	polled  bool             // listeners were told since the last load that a turn runs in another process; guarded by mu

	epoch string            // names the log; "": nothing was loaded yet; guarded by mu
	log   []json.RawMessage // the latest events, for browsers that reconnect; guarded by mu
	size  int               // of log, in bytes; guarded by mu
	next  int               // number of the next event; guarded by mu
	wake  chan struct{}     // closed at the next event; guarded by mu
}

func newConversation(h *Handler, at place) *conversation {
	return &conversation{h: h, place: at, wake: make(chan struct{})}
}

// load makes r the conversation. Listeners get it as a new state. c.mu is held.
func (c *conversation) load(r Record) error {
	doc, err := decode(r.Data)
	if err != nil {
		return err
	}
	c.doc, c.version, c.session, c.polled = doc, r.Version, nil, false
	c.epoch, c.log, c.size, c.next = rand.Text(), nil, 0, 0
	c.text.Reset()
	c.notify()
	return nil
}

// refresh loads r if it is newer, or if the turn of another process has ended without
// a word. r may be old: a turn may have run here since it was read.
func (c *conversation) refresh(r Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ended := r.Version == c.version && c.polled && !c.elsewhere()
	if c.epoch == "" || c.turn == nil && (r.Version > c.version || ended) {
		return c.load(r)
	}
	return nil
}

// polls reports whether the turn runs in another process.
func (c *conversation) polls() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	elsewhere := c.elsewhere()
	c.polled = c.polled || elsewhere
	return elsewhere
}

// hasTurn reports whether a turn runs here, or is about to.
func (c *conversation) hasTurn() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turn != nil
}

// notify wakes the listeners. c.mu is held.
func (c *conversation) notify() {
	close(c.wake)
	c.wake = make(chan struct{})
}

// publish sends an event to the listeners. c.mu is held.
func (c *conversation) publish(raw json.RawMessage) {
	c.log = append(c.log, raw)
	c.size += len(raw)
	c.next++
	for c.size > c.h.opts.Buffer && len(c.log) > 0 {
		c.size -= len(c.log[0])
		c.log = c.log[1:]
	}
	c.notify()
}

// add publishes an event of the turn, and keeps it if a page shows it later.
func (c *conversation) add(e session.Event) error {
	raw, err := json.Marshal(e)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case e.Type == session.EventText:
		c.text.WriteString(e.Text)
	case slices.Contains(shown, e.Type):
		c.doc.Events = with(c.history(), raw)
		c.text.Reset()
	}
	c.publish(raw)
	return nil
}

// history returns the events that a page shows. c.mu is held.
func (c *conversation) history() []json.RawMessage {
	events := c.doc.Events
	if c.text.Len() > 0 {
		events = with(events, note{Event: string(session.EventText), Text: c.text.String()}.encode())
	}
	if !c.doc.Until.IsZero() && !c.runs() {
		events = with(events, lost.note().encode())
	}
	return events
}

// runs reports whether a turn runs, here or in another process. c.mu is held.
func (c *conversation) runs() bool {
	return c.turn != nil && c.turn.running || time.Now().Before(c.doc.Until)
}

// A cursor is the position of a listener in the log.
type cursor struct {
	epoch string
	next  int
}

// String is the id of the event before the cursor.
func (k cursor) String() string { return k.epoch + "-" + strconv.Itoa(k.next-1) }

// cursorAfter returns the cursor after the event with that id, which a browser
// sent; the zero cursor if it is none.
func cursorAfter(id string) cursor {
	epoch, number, _ := strings.Cut(id, "-")
	n, err := strconv.Atoi(number)
	if err != nil || n < -1 || epoch == "" {
		return cursor{}
	}
	return cursor{epoch, n + 1}
}

// read returns the events from the cursor on, with their ids, and a channel that
// is closed when there are more. If the log does not have all of them, it returns the
// state in their place.
func (c *conversation) read(k *cursor) (ids []string, events []json.RawMessage, more <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := c.next - len(c.log)
	if k.epoch != c.epoch || k.next < first || k.next > c.next {
		raw, err := json.Marshal(c.snapshot())
		*k = cursor{c.epoch, c.next}
		return []string{k.String()}, []json.RawMessage{raw}, c.wake, err
	}
	for _, raw := range c.log[k.next-first:] {
		k.next++
		ids, events = append(ids, k.String()), append(events, raw)
	}
	return ids, events, c.wake, nil
}

// A snapshot is the event "state": the whole conversation as a page shows it.
type snapshot struct {
	Event     string                    `json:"event"`
	Events    []json.RawMessage         `json:"events"`
	Running   bool                      `json:"running"`
	Resumable bool                      `json:"resumable,omitempty"`
	Pending   []session.ApprovalRequest `json:"pending,omitempty"`
}

// snapshot returns the state. c.mu is held.
func (c *conversation) snapshot() snapshot {
	s := snapshot{Event: "state", Events: c.history(), Running: c.runs()}
	if s.Events == nil {
		s.Events = []json.RawMessage{}
	}
	if st := c.doc.State; st != nil && !s.Running {
		for _, a := range st.Pending {
			if a.Answer.Decision == session.DecisionDefer {
				s.Pending = append(s.Pending, a)
			}
		}
		s.Resumable = len(s.Pending) == 0 && waits(*st)
	}
	return s
}

// publishState sends the state to the listeners, as pages get it that are loaded now:
// only that says how a turn that failed goes on. c.mu is held.
func (c *conversation) publishState() {
	raw, err := json.Marshal(c.snapshot())
	if err != nil {
		_ = c.h.internal("the state could not be encoded", err)
		return
	}
	c.publish(raw)
}

// elsewhere reports whether a turn runs in another process. c.mu is held.
func (c *conversation) elsewhere() bool { return c.turn == nil && time.Now().Before(c.doc.Until) }

// waits reports whether [session.Session.Continue] must come before the next
// message.
func waits(st session.State) bool {
	return st.Running != "" ||
		slices.ContainsFunc(st.Pending, func(a session.ApprovalRequest) bool { return a.Answer.Decision != session.DecisionDeny }) ||
		slices.ContainsFunc(st.Calls, func(f session.FunctionCall) bool { return f.Output == nil })
}

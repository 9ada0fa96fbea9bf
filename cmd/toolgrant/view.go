package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
)

// A view shows a session: one line of JSON for each event; plain lines; or, on
// a terminal, lines in colours above one that moves and says what is going on.
// It is not safe for concurrent use.
type view struct {
	a      *app
	screen *screen
	model  string
	names  map[string]string // of the servers as they were given, by label
	labels int               // width of the longest label

	running []job // what has begun and not ended
	last    byte  // what was written last; 0: nothing yet
	talking bool  // that was the model's
}

// A job is a list that is being had, or a call that is being made.
type job struct {
	kind        session.EventType // Listing or Calling
	label, tool string
	began       time.Time
}

// newView returns a view, which the caller ends.
func (a *app) newView(tools *runTools, model string) *view {
	v := &view{a: a, model: model, names: tools.names}
	if a.global.json {
		return v
	}
	for label := range tools.names {
		v.labels = max(v.labels, lipgloss.Width(safetext.Line(label)))
	}
	v.screen = newScreen(a.stdout, a.ui)
	v.screen.say(v.going())
	return v
}

// end leaves the terminal as it was found, with a line that is ended.
func (v *view) end() {
	if v.screen == nil {
		return
	}
	if v.last != 0 && v.last != '\n' {
		v.write("\n")
	}
	v.screen.close()
}

// show shows an event.
func (v *view) show(e session.Event) {
	if v.screen == nil {
		v.a.print(e, nil)
		return
	}
	switch e.Type {
	case session.Text:
		v.text(safetext.Text(e.Text))
		return
	case session.Listing, session.Calling:
		v.running = append(v.running, job{e.Type, e.Label, e.Tool, time.Now()})
	case session.Skipped, session.Retrying:
		v.running = nil // what was going on has ended with its request
	case session.Asking, session.Listed, session.Called, session.Failed,
		session.Approved, session.Denied, session.Waiting, session.Done:
	}
	v.event(e)
	v.screen.say(v.going())
}

// event writes the line that an event deserves.
func (v *view) event(e session.Event) {
	call := strings.TrimSpace(safetext.Line(e.Tool) + " " + safetext.Line(e.Arguments))
	switch e.Type {
	case session.Listing, session.Calling, session.Approved:
		v.begun(e, safetext.Line(e.Tool))
	case session.Asking:
		v.begun(e, call)
	case session.Listed:
		v.line(e, plural(e.Tools, "tool")+v.took(session.Listing, e))
	case session.Called:
		v.line(e, v.short(call)+v.took(session.Calling, e))
	case session.Failed:
		kind := session.Calling
		if e.Tool == "" {
			kind = session.Listing
		}
		v.line(e, safetext.Line(e.Tool)+v.took(kind, e)+"  "+v.why(e.Failure))
	case session.Retrying:
		v.line(e, v.why(e.Failure)+" Once more.")
	case session.Skipped:
		v.line(e, v.why(e.Failure)+" What to do: "+v.remedy(e))
	case session.Denied:
		v.line(e, safetext.Line(e.Tool)+"  is not called")
	case session.Done:
		v.done(e)
	case session.Text, session.Waiting: // the one has no line, and the other does not come: somebody always answers
	}
}

// begun writes a line that a terminal does not need: there the moving line, or
// the question, says it.
func (v *view) begun(e session.Event, text string) {
	if !v.a.ui.live {
		v.line(e, text)
	}
}

// line writes a line about an event.
func (v *view) line(e session.Event, text string) {
	if v.talking { // a text stands apart from what comes behind it
		v.talking = false
		if v.last != '\n' {
			v.write("\n")
		}
		v.write("\n")
	}
	label := safetext.Line(e.Label)
	label += strings.Repeat(" ", max(0, v.labels-lipgloss.Width(label)))
	head := fmt.Sprintf("%-8s", e.Type)
	if v.a.ui.live {
		head, label = v.mark(e.Type), v.a.ui.head.Render(label)
	}
	v.write(strings.TrimRight(head+"  "+label+"  "+strings.TrimLeft(text, " "), " ") + "\n")
}

// text writes a piece of what the model writes.
func (v *view) text(piece string) {
	if piece == "" {
		return
	}
	if !v.talking && v.last != 0 {
		v.write("\n")
	}
	v.screen.say("")
	v.write(piece)
	v.talking = true
}

func (v *view) write(text string) {
	v.screen.write(text)
	v.last = text[len(text)-1]
}

// ask puts the question about a call: on the terminal, else beside what is
// piped. A script reads the event.
func (v *view) ask(call session.Approval) {
	if v.screen == nil {
		return
	}
	what := strings.TrimSpace(safetext.Line(call.Tool) + " " + safetext.Line(call.Arguments))
	if !v.a.ui.live {
		_, _ = fmt.Fprintf(v.a.stderr, "%s may run %s? [y/N] ", safetext.Line(call.Label), what)
		return
	}
	v.screen.say("")
	v.line(session.Event{Type: session.Asking, Label: call.Label}, what)
	v.write("   May it? [y/N] ")
}

// asked ends the line of a question. typed: somebody's Enter has.
func (v *view) asked(typed bool) {
	switch {
	case v.screen == nil:
	case !v.a.ui.live && !typed:
		v.a.notef("")
	case v.a.ui.live && typed:
		v.last = '\n'
	case v.a.ui.live:
		v.write("\n")
	}
}

// done ends the answer.
func (v *view) done(e session.Event) {
	v.screen.say("") // what follows goes past it
	if e.Text == "" {
		v.a.notef("The model wrote nothing.")
	}
	if why := e.Incomplete(); why != "" {
		v.a.notef("warning: the answer is incomplete: %s", safetext.Line(why))
	}
}

// mark is how a line about an event begins on a terminal.
func (v *view) mark(t session.EventType) string {
	u := v.a.ui
	switch t { //nolint:exhaustive // the others have no line on a terminal
	case session.Listed, session.Called:
		return u.good.Render("✓")
	case session.Failed, session.Denied:
		return u.bad.Render("✗")
	case session.Skipped, session.Retrying:
		return u.warn.Render("!")
	case session.Asking:
		return u.warn.Render("?")
	}
	return " "
}

// why says what a failure is.
func (v *view) why(f *mcptools.Failure) string {
	text := kindWords[f.Kind]
	if text == "" {
		text = message(f) + "."
	}
	return v.a.ui.warn.Render(string(f.Kind)) + ": " + safetext.Line(text)
}

// remedy says what can be done about a server that is left out: a command to
// copy, if there is one.
func (v *view) remedy(e session.Event) string {
	f := &fault{Action: e.Failure.Action}
	return first(safetext.Line(f.hint(v.names[e.Label])), actionWords[f.Action]+".")
}

// took says how long a job took, and takes it off the list.
func (v *view) took(kind session.EventType, e session.Event) string {
	i := slices.IndexFunc(v.running, func(j job) bool { return j.kind == kind && j.label == e.Label && j.tool == e.Tool })
	if i < 0 {
		return ""
	}
	d := time.Since(v.running[i].began)
	v.running = slices.Delete(v.running, i, i+1)
	if d < time.Millisecond { // it came in one piece with its end
		return ""
	}
	return "  " + v.a.ui.dim.Render(brief(d))
}

// going says what is going on.
func (v *view) going() string {
	if len(v.running) == 0 {
		return "waiting for " + safetext.Line(v.model)
	}
	all := make([]string, len(v.running))
	for i, j := range v.running {
		all[i] = "listing " + safetext.Line(j.label)
		if j.kind == session.Calling {
			all[i] = safetext.Line(j.label) + " " + safetext.Line(j.tool)
		}
	}
	return strings.Join(all, ", ")
}

// short cuts what is shown of a call that was made.
func (v *view) short(text string) string {
	const beside = 20 // mark or word, gaps, duration
	return cut(text, max(v.a.ui.width()-v.labels-beside, 20))
}

// brief is a duration as exact as people want it.
func brief(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return short(d)
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

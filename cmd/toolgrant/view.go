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
// a terminal, coloured lines above a status line with the jobs in progress.
// It is not safe for concurrent use.
type view struct {
	a      *app
	screen *screen
	model  string
	names  map[string]string // --tool as given, by label
	labels int               // width of the longest label

	running []job // jobs in progress
	last    byte  // last byte written; 0: none yet
	talking bool  // last was written by the model
}

// A job is a list request or a tool call in progress.
type job struct {
	kind        session.EventType // Listing or Calling
	label, tool string
	began       time.Time
}

// newView returns a view. The caller must call end.
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

// end restores the terminal and finishes the last line.
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
	case session.EventText:
		v.text(safetext.Text(e.Text))
		return
	case session.EventListing, session.EventCalling:
		v.running = append(v.running, job{e.Type, e.Label, e.Tool, time.Now()})
	case session.EventSkipped, session.EventRetrying:
		v.running = nil // the request has failed, and its jobs with it
	case session.EventAsking, session.EventListed, session.EventCalled, session.EventFailed,
		session.EventApproved, session.EventDenied, session.EventRaw, session.EventRunning, session.EventWaiting, session.EventDone:
	}
	v.event(e)
	v.screen.say(v.going())
}

// event writes the line for an event, if it has one.
func (v *view) event(e session.Event) {
	call := strings.TrimSpace(safetext.Line(e.Tool) + " " + safetext.Line(e.Arguments))
	switch e.Type {
	case session.EventListing, session.EventCalling, session.EventApproved:
		v.progress(e, safetext.Line(e.Tool))
	case session.EventAsking:
		v.progress(e, call)
	case session.EventListed:
		v.line(e, plural(e.Tools, "tool")+v.took(session.EventListing, e))
	case session.EventCalled:
		v.line(e, v.short(call)+v.took(session.EventCalling, e))
	case session.EventFailed:
		kind := session.EventCalling
		if e.Tool == "" {
			kind = session.EventListing
		}
		v.line(e, safetext.Line(e.Tool)+v.took(kind, e)+"  "+v.why(e.Failure))
	case session.EventRetrying:
		v.line(e, v.why(e.Failure)+" Retrying once.")
	case session.EventSkipped:
		v.line(e, v.why(e.Failure)+" What to do: "+v.remedy(e))
	case session.EventDenied:
		v.line(e, safetext.Line(e.Tool)+"  not called")
	case session.EventDone:
		v.done(e)
	case session.EventText, session.EventRaw, session.EventRunning, session.EventWaiting: // Text has no line, and the others don't occur: run sets no option for them and answers every question
	}
}

// progress writes a line that a terminal does not need: there the status line or
// the question shows the same.
func (v *view) progress(e session.Event, text string) {
	if !v.a.ui.live {
		v.line(e, text)
	}
}

// line writes a line about an event.
func (v *view) line(e session.Event, text string) {
	if v.talking { // an empty line after the model's text
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

// text writes a piece of the model's text.
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

// ask asks whether to allow a call: on the terminal, or on stderr if stdout is
// not one. With --json the event is the question.
func (v *view) ask(call session.ApprovalRequest) {
	if v.screen == nil {
		return
	}
	what := strings.TrimSpace(safetext.Line(call.Tool) + " " + safetext.Line(call.Arguments))
	if !v.a.ui.live {
		_, _ = fmt.Fprintf(v.a.stderr, "Allow %s to run %s? [y/N] ", safetext.Line(call.Label), what)
		return
	}
	v.screen.say("")
	v.line(session.Event{Type: session.EventAsking, Label: call.Label}, what)
	v.write("   Allow this call? [y/N] ")
}

// asked ends the line of a question. typed reports whether the user's Enter did.
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

// done finishes the output of a turn.
func (v *view) done(e session.Event) {
	v.screen.say("") // notes go to stderr, past the status line
	if e.Text == "" {
		v.a.notef("The model wrote nothing.")
	}
	if why := e.Incomplete(); why != "" {
		v.a.notef("warning: the answer is incomplete: %s", safetext.Line(why))
	}
}

// mark returns the first character of an event's line on a terminal.
func (v *view) mark(t session.EventType) string {
	u := v.a.ui
	switch t { //nolint:exhaustive // the others have no line on a terminal
	case session.EventListed, session.EventCalled:
		return u.good.Render("✓")
	case session.EventFailed, session.EventDenied:
		return u.bad.Render("✗")
	case session.EventSkipped, session.EventRetrying:
		return u.warn.Render("!")
	case session.EventAsking:
		return u.warn.Render("?")
	}
	return " "
}

// why returns the kind of a failure and its meaning.
func (v *view) why(f *mcptools.Failure) string {
	text := kindWords[f.Kind]
	if text == "" {
		text = message(f) + "."
	}
	return v.a.ui.warn.Render(string(f.Kind)) + ": " + safetext.Line(text)
}

// remedy returns the next step for a skipped server: a command to run, if there
// is one.
func (v *view) remedy(e session.Event) string {
	f := &fault{Action: e.Failure.Action}
	return first(safetext.Line(v.a.hint(f, v.names[e.Label])), actionWords[f.Action]+".")
}

// took removes a job from the list and returns its duration as text.
func (v *view) took(kind session.EventType, e session.Event) string {
	i := slices.IndexFunc(v.running, func(j job) bool { return j.kind == kind && j.label == e.Label && j.tool == e.Tool })
	if i < 0 {
		return ""
	}
	d := time.Since(v.running[i].began)
	v.running = slices.Delete(v.running, i, i+1)
	if d < time.Millisecond { // its start and end arrived together
		return ""
	}
	return "  " + v.a.ui.dim.Render(brief(d))
}

// going returns the text of the status line.
func (v *view) going() string {
	if len(v.running) == 0 {
		return "waiting for " + safetext.Line(v.model)
	}
	all := make([]string, len(v.running))
	for i, j := range v.running {
		all[i] = "listing " + safetext.Line(j.label)
		if j.kind == session.EventCalling {
			all[i] = safetext.Line(j.label) + " " + safetext.Line(j.tool)
		}
	}
	return strings.Join(all, ", ")
}

// short cuts the text of a finished call to the width of a line.
func (v *view) short(text string) string {
	const beside = 20 // mark or word, gaps, duration
	return cut(text, max(v.a.ui.width()-v.labels-beside, 20))
}

// brief returns a rounded duration.
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

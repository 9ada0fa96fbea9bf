package connect

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/oauthstore"
)

//go:embed page/page.css
var pageStyle string

// A page is the content of an HTML page.
type page struct {
	Status  int
	Tone    string // good, bad, warn or ""
	Heading string
	Text    []string
	Said    string // text of the authorization server, quoted
	Facts   []field
	Form    *form
	List    bool // the connections page
	Groups  []group
	Links   []link
	Wait    time.Duration // Retry-After; 0: none
}

type field struct{ Name, Value string }

// A form is posted to the URL of its page.
type form struct {
	Get    bool // it only leads to another page
	Away   bool // its response leads to an authorization server
	Danger bool
	Fields []field // hidden
	Inputs []input
	Button string
}

// An input is one that a person fills in. Those of type password have no Value.
type input struct {
	Name, Type, Label, Hint, Value string // type "" is text
	Problem                        string // what is wrong with the value that was sent
	Required                       bool
}

// A group is a section of the connections page.
type group struct {
	ID, Heading string
	Cards       []card
}

// A card is a provider on the connections page.
type card struct {
	ID, Name, About string
	Connections     []connection
	Note            string
	Links           []link
}

// A connection is one credential on a card.
type connection struct {
	Account     string
	Tone, State string
	Text        string
	Said        string // text of the server, quoted
	Facts       []field
	Again       bool // connecting again is the next step
	Links       []link
}

type link struct {
	URL, Text string // URL "" is the page itself
	Of        string // completes the text for screen readers
	Primary   bool
}

// Tones of a page.
const (
	toneGood = "good"
	toneBad  = "bad"
	toneWarn = "warn"
)

// styleSource allows the one style sheet.
var styleSource = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// contentPolicy allows the style sheet, and forms that submit to actions, or none.
func contentPolicy(actions []string) string {
	if len(actions) == 0 {
		actions = []string{"'none'"}
	}
	return "default-src 'none'; style-src " + styleSource + "; base-uri 'none'; frame-ancestors 'none'; form-action " + strings.Join(actions, " ")
}

// formActions returns where a page's form may lead. Browsers apply it to the
// redirects of the response too: a consent leads to an authorization server, the
// other forms to a listed origin at most.
func (w *Web) formActions(p *page) []string {
	switch {
	case p.Form == nil:
		return nil
	case !p.Form.Away:
		return append([]string{"'self'"}, w.opts.ReturnTo...)
	case w.loopback: // for tests
		return []string{"'self'", "https:", "http://localhost:*", "http://127.0.0.1:*"}
	}
	return []string{"'self'", "https:"}
}

// clean replaces hidden characters in all that a person reads: scopes, hosts,
// names of accounts and the words of a server are written by others. Fields of a
// form are sent back and stay as they are.
func (p *page) clean() {
	line := func(texts ...*string) {
		for _, t := range texts {
			*t = safetext.Line(*t)
		}
	}
	facts := func(facts []field) {
		for i := range facts {
			line(&facts[i].Name, &facts[i].Value)
		}
	}
	links := func(links []link) {
		for i := range links {
			line(&links[i].Text, &links[i].Of)
		}
	}
	line(&p.Heading, &p.Said)
	for i := range p.Text {
		line(&p.Text[i])
	}
	if p.Form != nil {
		line(&p.Form.Button)
		for i := range p.Form.Inputs {
			in := &p.Form.Inputs[i]
			line(&in.Label, &in.Hint, &in.Problem)
		}
	}
	for _, g := range p.Groups {
		for i := range g.Cards {
			c := &g.Cards[i]
			line(&c.Name, &c.About, &c.Note)
			for j := range c.Connections {
				one := &c.Connections[j]
				line(&one.Account, &one.State, &one.Text, &one.Said)
				facts(one.Facts)
				links(one.Links)
			}
			links(c.Links)
		}
	}
	facts(p.Facts)
	links(p.Links)
}

// write sends a page. actions are where its form may lead.
func (p *page) write(w http.ResponseWriter, actions ...string) {
	p.clean()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", contentPolicy(actions))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // the URL of a callback holds a code
	h.Set("Cache-Control", "no-store")
	if p.Wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.Wait+time.Second-1)/time.Second)))
	}
	w.WriteHeader(p.Status)
	_, _ = io.WriteString(w, p.html()) //nolint:gosec // G705: its texts are escaped
}

func notFound() *page {
	return &page{
		Status: http.StatusNotFound, Tone: toneBad, Heading: "No such connection", Text: []string{"There is nothing of that name to connect here."},
	}
}

func badLink(why string) *page {
	return &page{Status: http.StatusBadRequest, Tone: toneBad, Heading: "This link is not right", Text: []string{why}}
}

func wrongMethod() *page {
	return &page{Status: http.StatusMethodNotAllowed, Tone: toneBad, Heading: "This page can't do that", Text: []string{"Open it from a link."}}
}

// endPage returns the page for the outcome of a consent. name is the provider's.
func endPage(name string, r Result, err error) *page {
	if err == nil {
		return connectedPage(name, r)
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{Kind: KindUnavailable}
	}
	if e.Kind == KindStateUsed && r.Status.Key != (oauthstore.Key{}) {
		p := connectedPage(name, r)
		p.Text = append([]string{"This page was loaded before. Nothing was done twice."}, p.Text...)
		return p
	}
	p := &page{Tone: toneBad, Wait: e.RetryAfter}
	said := answerOf(e.Kind, name)
	p.Status, p.Heading, p.Text = said.status, said.heading, said.text
	facts := e.response()
	if e.Kind == KindStateUnknown && len(facts) > 0 {
		p.Heading = "The sign-in reported an error"
		p.Text = []string{
			"It did not say which connection the error belongs to, so nothing was changed.",
			"If you did not start a connection, close this page. Otherwise you can start again.",
		}
	}
	if e.Kind == KindDenied || e.Kind == KindStateUsed || e.Kind == KindExpired {
		p.Tone = toneWarn
	}
	if e.Kind == KindDenied || e.Kind == KindRefused || e.Kind == KindMisconfigured || e.Kind == KindNoClient || e.Kind == KindStateUnknown {
		p.Said = e.Said
		p.Facts = facts
	}
	return p
}

// response returns what the authorization server responded with.
func (e *Error) response() []field {
	w, ok := errors.AsType[*oauth.Error](e.Err)
	if !ok {
		return nil
	}
	var facts []field
	if w.Status != 0 {
		facts = append(facts, field{"HTTP status", strconv.Itoa(w.Status)})
	}
	if w.Code != "" {
		facts = append(facts, field{"Error", w.Code})
	}
	return facts
}

func connectedPage(name string, r Result) *page {
	p := &page{Status: http.StatusOK, Tone: toneGood, Heading: name + " is connected"}
	switch v := r.Status.Verdict; {
	case unverified(&v):
		p.Tone, p.Heading, p.Said = toneWarn, name+" is connected, but not verified", v.Detail
		p.Text = []string{
			"Your consent was stored, but its MCP server did not confirm that it accepts the connection.",
			"You can try to use it now. If that fails, connect again, or ask the operator of this application.",
		}
	case v.Outcome == oauthstore.OutcomeUnknown:
		p.Text = []string{"Its first use will show whether it works."}
	case v.Outcome == oauthstore.OutcomeAccepted:
		p.Text = []string{"It is ready to use."}
	case v.Reason == oauthstore.ReasonScope:
		p.Tone = toneWarn
		p.Text = []string{"It needs more permissions than you granted, so it can't be used yet. Connect again and allow all requested permissions."}
	default:
		p.Tone = toneWarn
		p.Text = []string{
			"Its MCP server rejects this connection, so it can't be used yet.",
			"An administrator of your organization may have to allow the application there first.",
		}
	}
	if w := r.warning(); w != "" {
		p.Tone = toneWarn
		p.Text = append(p.Text, safetext.Capital(w))
	}
	if s := r.Status.Provenance.ScopesGranted; len(s) > 0 {
		p.Facts = append(p.Facts, field{"Permissions", strings.Join(s, ", ")})
	}
	return p
}

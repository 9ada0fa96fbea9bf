package connect

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/oauthstore"
)

//go:embed page/page.html
var pageText string

//go:embed page/page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// A page is the content of an HTML page.
type page struct {
	Status  int
	Tone    string // good, bad, warn or ""
	Heading string
	Text    []string
	Said    string // text of the authorization server, quoted
	Facts   []field
	Form    *form
	Links   []link
	Wait    time.Duration // Retry-After; 0: none
}

type field struct{ Name, Value string }

type form struct {
	Fields []field
	Button string
}

type link struct {
	URL, Text string
	Primary   bool
}

// Tones of a page.
const (
	toneGood = "good"
	toneBad  = "bad"
	toneWarn = "warn"
)

// contentPolicy allows the one style sheet, and forms that submit to this site
// and redirect to an authorization server.
var contentPolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' https:"
}()

// loopbackForms allows forms to redirect to servers on loopback, for tests.
const loopbackForms = " http://localhost:* http://127.0.0.1:*"

// clean replaces hidden characters in all that a person reads: scopes, hosts and
// the words of a server are written by others. Fields of a form are sent back
// and stay as they are.
func (p *page) clean() {
	p.Heading, p.Said = safetext.Line(p.Heading), safetext.Line(p.Said)
	for i := range p.Text {
		p.Text[i] = safetext.Line(p.Text[i])
	}
	for i, f := range p.Facts {
		p.Facts[i] = field{safetext.Line(f.Name), safetext.Line(f.Value)}
	}
	for i := range p.Links {
		p.Links[i].Text = safetext.Line(p.Links[i].Text)
	}
}

// write sends a page.
func (p *page) write(w http.ResponseWriter, loopback bool) {
	p.clean()
	var b bytes.Buffer
	data := struct {
		*page
		Style template.CSS
	}{p, template.CSS(pageStyle)} //nolint:gosec // our own style sheet
	if err := pageTemplate.Execute(&b, data); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	policy := contentPolicy
	if loopback {
		policy += loopbackForms
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // the URL of a callback holds a code
	h.Set("Cache-Control", "no-store")
	if p.Wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.Wait+time.Second-1)/time.Second)))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(b.Bytes())
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
	if e.Kind == KindDenied || e.Kind == KindStateUsed || e.Kind == KindExpired {
		p.Tone = toneWarn
	}
	if e.Kind == KindDenied || e.Kind == KindRefused || e.Kind == KindMisconfigured {
		p.Said = e.Said
	}
	return p
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
	if s := r.Status.Provenance.ScopesGranted; len(s) > 0 {
		p.Facts = append(p.Facts, field{"Permissions", strings.Join(s, ", ")})
	}
	return p
}

package main

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"sync"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// An app is the backend.
type app struct {
	providers []providers.Provider
	apps      connect.Apps // registered by hand
	client    openai.Client
	store     *oauthstore.Store
	tools     *mcptools.Set
	world     *lab.World // nil: the real servers

	mu       sync.Mutex
	sessions map[string]oauthstore.Owner // signed-in users by cookie; guarded by mu
}

// routes returns the handler of all paths. The two handlers of package connect
// let users connect, connect again and disconnect. Cross-origin posts are
// rejected.
func (a *app) routes(web *connect.Web) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/connect/", web.Connect())
	mux.Handle("/callback", web.Callback())
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("POST /sign-in", a.signIn)
	mux.HandleFunc("POST /ask", a.user(a.ask))
	if a.world != nil {
		mux.HandleFunc("POST /break", a.user(a.breakIt))
	}
	return http.NewCrossOriginProtection().Handler(mux)
}

const sessionCookie = "session"

var errSignedOut = errors.New("not signed in")

// signedIn returns the signed-in user of a request. Package connect calls it
// too.
func (a *app) signedIn(r *http.Request) (oauthstore.Owner, error) {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return oauthstore.Owner{}, errSignedOut
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	owner, ok := a.sessions[c.Value]
	if !ok {
		return oauthstore.Owner{}, errSignedOut
	}
	return owner, nil
}

func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	name := r.PostFormValue("name")
	if name != "mia" && name != "noa" {
		http.Error(w, "unknown user", http.StatusForbidden)
		return
	}
	id := rand.Text()
	a.mu.Lock()
	a.sessions[id] = oauthstore.Owner{Tenant: "acme", Subject: name}
	a.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}) //nolint:gosec // Secure needs TLS
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// user calls a handler with the signed-in user.
func (a *app) user(serve func(http.ResponseWriter, *http.Request, oauthstore.Owner)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		owner, err := a.signedIn(r)
		if err != nil {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		serve(w, r, owner)
	}
}

// ask lets the model answer a question with the user's connected servers.
func (a *app) ask(w http.ResponseWriter, r *http.Request, owner oauthstore.Owner) {
	answer := page{Status: http.StatusOK, Question: r.PostFormValue("question")}
	request, err := a.tools.Build(r.Context(), owner, nil) // connected servers only, with tokens that stay valid during the response
	if err == nil && len(request.Entries) == 0 {
		err = request.Skipped[0].Failure
	}
	var resp *responses.Response
	if err == nil {
		resp, err = a.client.Responses.New(r.Context(), responses.ResponseNewParams{
			Model: "gpt-5",
			Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(answer.Question)},
			Tools: request.Tools(),
		}, request.Option()) // refreshes a token that the MCP server rejected
	}
	if err == nil {
		answer.Answer = resp.OutputText()
	} else if failure, ok := mcptools.AsFailure(err); ok {
		answer.Status, answer.Failure, answer.Wait = failure.HTTPStatus(), failure.PublicMessage(), failure.RetryAfterHeader()
	} else {
		answer.Status, answer.Failure = http.StatusBadGateway, "The assistant does not respond: try again later."
	}
	a.show(w, r, answer)
}

// A page is the data of the HTML page. The template escapes it.
type page struct {
	Status             int
	User               string
	Question, Answer   string
	Failure, Wait, Why string
	InWorld            bool
	Done               string
}

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

func (a *app) home(w http.ResponseWriter, r *http.Request) { a.show(w, r, page{Status: http.StatusOK}) }

func (a *app) show(w http.ResponseWriter, r *http.Request, p page) {
	if owner, err := a.signedIn(r); err == nil {
		p.User, p.InWorld = owner.Subject, a.world != nil
	}
	if p.Failure != "" {
		p.Why = strconv.Itoa(p.Status) + " " + http.StatusText(p.Status)
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	if p.Wait != "" {
		w.Header().Set("Retry-After", p.Wait)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.Status)
	_, _ = w.Write(b.Bytes())
}

// breakIt handles the fault buttons of the local world.
func (a *app) breakIt(w http.ResponseWriter, r *http.Request, _ oauthstore.Owner) {
	done := page{Status: http.StatusOK}
	switch r.PostFormValue("do") {
	case "expire":
		a.world.Expire() // an hour early
		done.Done = "All access tokens have expired."
	case "revoke":
		a.world.Revoke("user") // the only user name there
		done.Done = "All consents have been revoked at the vendors."
	case "down":
		_ = a.world.Fault("notes:down") // a valid fault
		done.Done = "Notes is down."
	case "up":
		a.world.Clear()
		done.Done = "Notes is up."
	}
	a.show(w, r, done)
}

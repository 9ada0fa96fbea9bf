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
	world     *lab.World // nil: the real one

	mu       sync.Mutex
	sessions map[string]oauthstore.Owner // guarded by mu: who is signed in, by cookie
}

// routes mounts everything. The two handlers of package connect are all that a
// consent needs. No other site can post here: browsers say where a request
// comes from.
func (a *app) routes(web *connect.Web) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/connect/{provider}", web.Connect())
	mux.Handle("/callback", web.Callback())
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("POST /sign-in", a.signIn)
	mux.HandleFunc("POST /disconnect/{provider}", a.user(a.disconnect))
	mux.HandleFunc("POST /ask", a.user(a.ask))
	if a.world != nil {
		mux.HandleFunc("POST /break", a.user(a.breakIt))
	}
	return http.NewCrossOriginProtection().Handler(mux)
}

const sessionCookie = "session"

var errNobody = errors.New("nobody is signed in")

// signedIn tells whose request it is. Package connect asks it too.
func (a *app) signedIn(r *http.Request) (oauthstore.Owner, error) {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return oauthstore.Owner{}, errNobody
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	owner, ok := a.sessions[c.Value]
	if !ok {
		return oauthstore.Owner{}, errNobody
	}
	return owner, nil
}

func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	name := r.PostFormValue("name")
	if name != "mia" && name != "noa" {
		http.Error(w, "there is nobody of that name", http.StatusForbidden)
		return
	}
	id := rand.Text()
	a.mu.Lock()
	a.sessions[id] = oauthstore.Owner{Tenant: "acme", Subject: name}
	a.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}) //nolint:gosec // Secure needs TLS
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// user calls a handler with who is signed in.
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

// disconnect revokes at the vendor and forgets.
func (a *app) disconnect(w http.ResponseWriter, r *http.Request, owner oauthstore.Owner) {
	for _, p := range a.providers {
		if p.ID != r.PathValue("provider") {
			continue
		}
		if _, err := a.store.Disconnect(r.Context(), keyOf(p, owner)); err != nil {
			a.show(w, r, page{Status: http.StatusServiceUnavailable, Failure: "That did not work: try again later."})
			return
		}
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// keyOf names a user's credential.
func keyOf(p providers.Provider, owner oauthstore.Owner) oauthstore.Key {
	return oauthstore.Key{Owner: owner, Provider: p.ID, Server: p.Server.URL}
}

// ask has the model answer a question with whatever the user has connected.
func (a *app) ask(w http.ResponseWriter, r *http.Request, owner oauthstore.Owner) {
	answer := page{Status: http.StatusOK, Question: r.PostFormValue("question")}
	request, err := a.tools.For(r.Context(), owner, nil) // only what is connected, and fresh for as long as the answer takes
	if err == nil && len(request.Entries) == 0 {
		err = request.Skipped[0].Failure
	}
	var resp *responses.Response
	if err == nil {
		resp, err = a.client.Responses.New(r.Context(), responses.ResponseNewParams{
			Model: "gpt-5",
			Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(answer.Question)},
			Tools: request.Tools(),
		}, request.Option) // heals a token that OpenAI was refused with
	}
	if err == nil {
		answer.Answer = resp.OutputText()
	} else if failure, ok := mcptools.AsFailure(err); ok {
		answer.Status, answer.Failure, answer.Wait = failure.HTTPStatus(), failure.PublicMessage(), failure.RetryAfterHeader()
	} else {
		answer.Status, answer.Failure = http.StatusBadGateway, "The assistant does not answer: try again later."
	}
	a.show(w, r, answer)
}

// A page is what a user sees. Its template escapes what it is given.
type page struct {
	Status             int
	User               string
	Connections        []connection
	Question, Answer   string
	Failure, Wait, Why string
	InWorld            bool
	Done               string
}

type connection struct{ ID, Name, State string }

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

func (a *app) home(w http.ResponseWriter, r *http.Request) { a.show(w, r, page{Status: http.StatusOK}) }

func (a *app) show(w http.ResponseWriter, r *http.Request, p page) {
	if owner, err := a.signedIn(r); err == nil {
		p.User, p.InWorld = owner.Subject, a.world != nil
		for _, provider := range a.providers {
			c := connection{ID: provider.ID, Name: provider.Name}
			switch status, err := a.store.Status(r.Context(), keyOf(provider, owner)); {
			case err == nil:
				c.State = string(status.State)
			case !errors.Is(err, oauthstore.ErrNotFound):
				c.State = string(oauthstore.StateUnknown)
			}
			p.Connections = append(p.Connections, c)
		}
	}
	if p.Failure != "" {
		p.Why = strconv.Itoa(p.Status) + " " + http.StatusText(p.Status)
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	if p.Wait != "" {
		w.Header().Set("Retry-After", p.Wait)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.Status)
	_, _ = w.Write(b.Bytes())
}

// breakIt does to the world on loopback what the buttons below the line say.
func (a *app) breakIt(w http.ResponseWriter, r *http.Request, _ oauthstore.Owner) {
	done := page{Status: http.StatusOK}
	switch r.PostFormValue("do") {
	case "expire":
		a.world.Expire() // an hour early
		done.Done = "All access tokens have ended."
	case "revoke":
		a.world.Revoke("user") // as everybody is called there
		done.Done = "The vendors know nothing of a consent any more."
	case "down":
		_ = a.world.Fault("notes:down") // the world knows this one
		done.Done = "Notes is down."
	case "up":
		a.world.Clear()
		done.Done = "Notes is up."
	}
	a.show(w, r, done)
}

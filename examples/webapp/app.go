package main

import (
	"context"
	"crypto/rand"
	"embed"
	"html/template"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/mcptools/session/sessionhttp"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// An app is the backend.
type app struct {
	table       table
	credentials *oauthstore.Store
	client      openai.Client
	model       string
	offered     []providers.Provider
	tools       *mcptools.Set
	web         *connect.Web
	world       *lab.World // nil: the real servers
}

// A person is a user of the site, and the company that pays for it.
type person struct{ ID, Name, Tenant, Company string }

var people = []person{{"mia", "Mia", "acme", "Acme"}, {"noa", "Noa", "globex", "Globex"}}

//go:embed web
var files embed.FS

var page = template.Must(template.ParseFS(files, "web/page.html"))

// routes returns the handler of all paths. Cross-origin posts are rejected.
func (a *app) routes(chats *sessionhttp.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/connect/", a.web.Connect()) // users connect, connect again and disconnect
	mux.Handle("/callback", a.web.Callback())
	mux.Handle("/chats/{id}", chats)
	mux.Handle("GET /web/", http.FileServerFS(files))
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("POST /sign-in", a.signIn)
	mux.HandleFunc("POST /sign-out", a.signOut)
	if a.world != nil {
		mux.HandleFunc("POST /break", a.breakIt)
	}
	return http.NewCrossOriginProtection().Handler(mux)
}

// onlyHere rejects requests for other addresses than the listener's. Otherwise a
// web page whose name resolves to this machine (DNS rebinding) could read
// the chats.
func onlyHere(listener net.Addr, site http.Handler) http.Handler {
	_, port, _ := net.SplitHostPort(listener.String())
	own := []string{listener.String(), "127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(own, r.Host) && !slices.Contains(own, r.Host+":80") {
			http.Error(w, "this is not an address of the site", http.StatusMisdirectedRequest)
			return
		}
		site.ServeHTTP(w, r)
	})
}

// open returns the session of a chat. Servers that fail are left out and named.
func (a *app) open(_ context.Context, owner oauthstore.Owner, id string, state *session.State) (*session.Session, error) {
	orders := responses.ToolParamOfFunction("open_orders", map[string]any{
		"type": "object", "properties": map[string]any{}, "required": []string{}, "additionalProperties": false,
	}, true)
	orders.OfFunction.Description = param.NewOpt("Returns the open orders of the user's company.")
	return session.New(&a.client.Responses, a.tools, owner, &session.Options{
		Params: responses.ResponseNewParams{
			Model: a.model, Tools: []responses.ToolUnionParam{orders},
			Instructions: param.NewOpt("Answer in short, plain text without Markdown."),
		},
		Stream:    true,
		State:     state,
		OnFailure: session.OnFailureSkip,
		HoldOff:   time.Nanosecond, // users ask again when they think that a server works again
		Build:     mcptools.SetBuildOptions{ConsentURL: a.web.ConsentURL("/?chat=" + id)},
		Call: func(ctx context.Context, c session.FunctionCall) (string, error) {
			if c.Name != "open_orders" {
				return "There is no such function.", nil
			}
			return a.table.orders(ctx, owner.Tenant)
		},
	})
}

const signInCookie = "sign_in"

// signedIn returns the user of a request.
func (a *app) signedIn(r *http.Request) (oauthstore.Owner, error) {
	c, err := r.Cookie(signInCookie)
	if err != nil {
		return oauthstore.Owner{}, err
	}
	return a.table.signedIn(r.Context(), c.Value)
}

func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	i := slices.IndexFunc(people, func(p person) bool { return p.ID == r.PostFormValue("name") })
	if i < 0 {
		http.Error(w, "unknown user", http.StatusForbidden)
		return
	}
	id, err := a.table.signIn(r.Context(), oauthstore.Owner{Tenant: people[i].Tenant, Subject: people[i].ID})
	if err != nil {
		http.Error(w, "the database failed", http.StatusInternalServerError)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: signInCookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}) //nolint:gosec // Secure needs TLS
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(signInCookie); err == nil {
		if err := a.table.signOut(r.Context(), c.Value); err != nil {
			http.Error(w, "the database failed", http.StatusInternalServerError)
			return
		}
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// A service is a provider in the list of the page.
type service struct {
	ID, Name   string
	State      string // connected, again or off
	ConsentURL string
}

// services returns the providers and whether the owner has connected them.
func (a *app) services(ctx context.Context, owner oauthstore.Owner, chat string) ([]service, error) {
	stored, err := a.credentials.List(ctx, owner)
	if err != nil {
		return nil, err
	}
	states := map[string]string{}
	for _, st := range stored {
		states[st.Key.Provider] = "connected"
		if st.State == oauthstore.StateReauthorize {
			states[st.Key.Provider] = "again"
		}
	}
	consent := a.web.ConsentURL("/?chat=" + chat)
	var list []service
	for _, p := range a.offered {
		s := service{p.ID, p.Name, "off", consent(oauthstore.Key{Owner: owner, Provider: p.ID})}
		if state := states[p.ID]; state != "" {
			s.State = state
		}
		list = append(list, s)
	}
	return list, nil
}

// A view is what the page shows.
type view struct {
	User, Other   person // who is signed in, and who else could be
	People        []person
	Chat, NewChat string
	Services      []service
	Examples      []string
	Lab           bool
	ServiceFaults []fault
	WorldFaults   []fault
	Effect        string // of the last fault
}

// home serves the page of a chat, or the form to sign in.
func (a *app) home(w http.ResponseWriter, r *http.Request) {
	v := view{People: people, NewChat: rand.Text(), Chat: r.FormValue("chat"), Examples: []string{"What can you do for me?"}}
	if a.world != nil {
		v.Examples = []string{"What do I need for Thursday?", "Add a note about printer paper", "Add a task: print the report", "Which orders are open?"}
		v.Lab, v.ServiceFaults, v.WorldFaults, v.Effect = true, serviceFaults, worldFaults, a.effect(r)
	}
	if owner, err := a.signedIn(r); err == nil {
		if err := a.fill(r.Context(), &v, owner); err != nil {
			http.Error(w, "the database failed", http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, v) // the browser has left
}

// fill adds what only the owner sees.
func (a *app) fill(ctx context.Context, v *view, owner oauthstore.Owner) (err error) {
	for _, p := range people {
		if p.ID == owner.Subject {
			v.User = p
		} else {
			v.Other = p
		}
	}
	if v.Chat == "" {
		if v.Chat, err = a.table.latest(ctx, owner); err != nil {
			return err
		}
	}
	v.Services, err = a.services(ctx, owner, v.Chat)
	return err
}

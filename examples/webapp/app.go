package main

import (
	"context"
	"crypto/rand"
	"embed"
	"html/template"
	"net/http"
	"net/url"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/mcptools/session/sessionhttp"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
)

// An app is the backend.
type app struct {
	table  table
	client openai.Client
	tools  *mcptools.Set
	web    *connect.Web
	world  *lab.World // nil: the real servers
}

// tenants are the users and their companies.
var tenants = map[string]string{"mia": "acme", "noa": "globex"}

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

// open returns the session of a chat. Servers that fail are left out and named.
func (a *app) open(_ context.Context, owner oauthstore.Owner, id string, state *session.State) (*session.Session, error) {
	orders := responses.ToolParamOfFunction("open_orders", map[string]any{
		"type": "object", "properties": map[string]any{}, "required": []string{}, "additionalProperties": false,
	}, true)
	orders.OfFunction.Description = param.NewOpt("Returns the open orders of the user's company.")
	return session.New(&a.client.Responses, a.tools, owner, &session.Options{
		Params:    responses.ResponseNewParams{Model: "gpt-5", Tools: []responses.ToolUnionParam{orders}},
		Stream:    true,
		State:     state,
		OnFailure: session.OnFailureSkip,
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
func (a *app) signedIn(r *http.Request) (owner oauthstore.Owner, err error) {
	c, err := r.Cookie(signInCookie)
	if err != nil {
		return owner, err
	}
	err = a.table.QueryRowContext(r.Context(), `SELECT tenant, subject FROM sign_ins WHERE id = ?`, c.Value).Scan(&owner.Tenant, &owner.Subject)
	return owner, err
}

func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	name, id := r.PostFormValue("name"), rand.Text()
	if tenants[name] == "" {
		http.Error(w, "unknown user", http.StatusForbidden)
		return
	}
	if _, err := a.table.ExecContext(r.Context(), `INSERT INTO sign_ins VALUES (?, ?, ?)`, id, tenants[name], name); err != nil {
		http.Error(w, "the database failed", http.StatusInternalServerError)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: signInCookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}) //nolint:gosec // Secure needs TLS
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(signInCookie); err == nil {
		if _, err := a.table.ExecContext(r.Context(), `DELETE FROM sign_ins WHERE id = ?`, c.Value); err != nil {
			http.Error(w, "the database failed", http.StatusInternalServerError)
			return
		}
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// home serves the page of a chat, or the form to sign in.
func (a *app) home(w http.ResponseWriter, r *http.Request) {
	view := struct {
		User, Company, Chat, NewChat, Done string
		InWorld                            bool
	}{NewChat: rand.Text(), InWorld: a.world != nil, Done: faults[r.FormValue("done")]}
	if owner, err := a.signedIn(r); err == nil {
		view.User, view.Company, view.Chat = owner.Subject, owner.Tenant, r.FormValue("chat")
		if view.Chat == "" {
			if view.Chat, err = a.table.latest(r.Context(), owner); err != nil {
				http.Error(w, "the database failed", http.StatusInternalServerError)
				return
			}
		}
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, view) // the browser has left
}

// faults are the buttons of the local world and what they do.
var faults = map[string]string{
	"expire": "All access tokens have expired.",
	"revoke": "All consents have been revoked at the vendors.",
	"down":   "Notes is down.",
	"up":     "Everything works again.",
}

// breakIt causes a fault in the local world.
func (a *app) breakIt(w http.ResponseWriter, r *http.Request) {
	if _, err := a.signedIn(r); err != nil {
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	}
	switch r.PostFormValue("do") {
	case "expire":
		a.world.Expire() // an hour early
	case "revoke":
		a.world.Revoke("user") // the only user name there
	case "down":
		_ = a.world.Fault("notes:down") // a valid fault
	case "up":
		a.world.Clear()
	}
	back := url.URL{Path: "/", RawQuery: url.Values{"chat": {r.PostFormValue("chat")}, "done": {r.PostFormValue("do")}}.Encode()}
	http.Redirect(w, r, back.String(), http.StatusSeeOther)
}

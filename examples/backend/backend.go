package backend

import (
	"io"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// New returns a handler that answers questions of users with their tools. user
// returns the user of the site's own session.
func New(client openai.Client, tools *mcptools.Set, user func(*http.Request) oauthstore.Owner) http.Handler {
	return &handler{client, tools, user}
}

type handler struct {
	client openai.Client
	tools  *mcptools.Set
	user   func(*http.Request) oauthstore.Owner
}

// ServeHTTP answers the question in the query.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := h.ask(r)
	if f, ok := mcptools.AsFailure(err); ok {
		http.Error(w, f.PublicMessage(), f.HTTPStatus())
		return
	}
	if err != nil {
		http.Error(w, "something went wrong", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, text) //nolint:gosec // plain text
}

func (h *handler) ask(r *http.Request) (string, error) {
	tools, err := h.tools.Build(r.Context(), h.user(r), nil) // an entry for each connected server, with a valid token
	if err != nil {
		return "", err // must connect again, not available, …: OpenAI was not asked
	}
	resp, err := h.client.Responses.New(r.Context(), responses.ResponseNewParams{
		Model: "gpt-5",
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(r.FormValue("q"))},
		Tools: tools.Tools(),
	}, tools.Option()) // replaces a token that a server refuses, and asks once more
	if err != nil {
		return "", err
	}
	return resp.OutputText(), nil
}

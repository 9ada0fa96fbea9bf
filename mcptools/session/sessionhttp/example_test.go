package sessionhttp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/mcptools/session/sessionhttp"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A site mounts the handler. A page listens and posts, here in Go in place of
// JavaScript.
func Example() {
	world, err := lab.Start(&lab.Options{Servers: []lab.Server{{Name: "notes"}}})
	if err != nil {
		panic(err)
	}
	defer world.Close()
	creds := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
		return oauthstore.Token{AccessToken: oauthstore.NewSecret(world.Key("notes", "u_42"))}, nil
	})
	notes, err := mcptools.NewBuilder(providers.Custom("notes", world.Server("notes").MCPURL, nil), creds, &mcptools.Options{InsecureAllowLoopback: true})
	if err != nil {
		panic(err)
	}
	set, err := mcptools.NewSet(notes)
	if err != nil {
		panic(err)
	}
	client := openai.NewClient(option.WithBaseURL(world.Info().OpenAIBaseURL), option.WithAPIKey(world.Info().OpenAIAPIKey))

	signedIn := func(*http.Request) (oauthstore.Owner, error) { // by the site's own cookie
		return oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, nil
	}
	open := func(_ context.Context, owner oauthstore.Owner, _ string, state *session.State) (*session.Session, error) {
		return session.New(&client.Responses, set, owner, &session.Options{
			Params: responses.ResponseNewParams{Model: "gpt-5"}, Stream: true, State: state,
		})
	}
	chats, err := sessionhttp.New(signedIn, open, sessionhttp.NewMemory(), nil)
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/chats/{id}", chats)
	site := httptest.NewServer(mux)
	defer site.Close()
	defer chats.Close(context.Background())

	send := func(method, body string) *http.Response {
		req, err := http.NewRequestWithContext(context.Background(), method, site.URL+"/chats/c1", strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := site.Client().Do(req)
		if err != nil {
			panic(err)
		}
		return resp
	}
	post := func(body string) {
		resp := send(http.MethodPost, body)
		_ = resp.Body.Close()
		fmt.Println(resp.Status)
	}
	stream := send(http.MethodGet, "")
	defer stream.Body.Close()
	post(`{"message": "What is new?"}`)
	for lines := bufio.NewScanner(stream.Body); lines.Scan(); {
		text, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e struct {
			Event   string                    `json:"event"`
			Tool    string                    `json:"tool"`
			Text    string                    `json:"text"`
			Pending []session.ApprovalRequest `json:"pending"`
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			panic(err)
		}
		switch e.Event {
		case "text":
			fmt.Print(e.Text)
			continue
		case "done":
			fmt.Println()
		}
		fmt.Println(strings.TrimSpace(e.Event + " " + e.Tool))
		switch e.Event {
		case "waiting":
			post(`{"answers": {"` + e.Pending[0].ID + `": {"decision": "approve"}}}`)
		case "done":
			return
		}
	}
	// Output:
	// 202 Accepted
	// state
	// message
	// listing
	// listed
	// asking search
	// waiting
	// 202 Accepted
	// approved search
	// calling search
	// called search
	// notes/search: 2 notes of u_42: "Quarterly report" and "Printer paper"
	// done
}

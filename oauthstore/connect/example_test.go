package connect_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// must is for examples.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// exampleStore keeps credentials in memory.
func exampleStore(opts *oauthstore.Options) *oauthstore.Store {
	return must(oauthstore.New(memstore.New(), must(keyset.New()), opts))
}

// A command waits for its user on this machine.
func ExampleConnector_Listen() {
	ctx := context.Background()
	world := must(lab.Start(nil)) // in place of a vendor
	defer world.Close()
	store := exampleStore(&oauthstore.Options{InsecureAllowLoopback: true})
	defer store.Close(ctx)
	connector := must(connect.New(store, &connect.Options{InsecureAllowLoopback: true}))

	notes := providers.Custom("notes", world.Server("notes").MCPURL, nil)
	waiting := must(connector.Listen(ctx, notes, oauthstore.Owner{Tenant: "local", Subject: "mia"}, nil))
	defer waiting.Close()
	fmt.Println(waiting.Client, waiting.Scopes)

	request := must(http.NewRequestWithContext(ctx, http.MethodGet, waiting.URL, nil))
	page, err := world.Client().Do(request) // the user's browser; this vendor says yes by itself
	if err != nil {
		panic(err)
	}
	page.Body.Close()
	result := must(waiting.Wait(ctx))
	fmt.Println(result.Status.State, result.Status.Provenance.Obtained)
	// Output:
	// registered [mcp:read mcp:write]
	// active consent
}

// A web application mounts two handlers, and links to the first.
func ExampleConnector_Web() {
	apps := connect.Apps{{Providers: []string{"asana"}, ID: "1200000000000001", Secret: oauthstore.NewSecret("made-up-secret")}}
	store := exampleStore(&oauthstore.Options{Clients: apps.Client})
	defer store.Close(context.Background())
	connector := must(connect.New(store, &connect.Options{RedirectURL: "https://app.example/callback", Apps: apps}))
	signedIn := func(r *http.Request) (oauthstore.Owner, error) {
		user := r.Header.Get("X-User") // in earnest: the site's session
		if user == "" {
			return oauthstore.Owner{}, errors.New("no user is signed in")
		}
		return oauthstore.Owner{Tenant: "acme", Subject: user}, nil
	}
	web := must(connector.Web(signedIn, &connect.WebOptions{Providers: []providers.Provider{providers.Asana(), providers.Notion()}}))
	mux := http.NewServeMux()
	mux.Handle("/connect/", web.Connect())
	mux.Handle("/callback", web.Callback())

	for _, path := range []string{"/connect/asana", "/connect/linear"} {
		request := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil)
		request.Header.Set("X-User", "mia")
		page := httptest.NewRecorder()
		mux.ServeHTTP(page, request)
		fmt.Println(path, page.Code, strings.Contains(page.Body.String(), "Continue to app.asana.com"))
	}
	// Output:
	// /connect/asana 200 true
	// /connect/linear 404 false
}

// A token that is surely for something else is neither stored nor sent.
func ExampleConnector_Import() {
	ctx := context.Background()
	store := exampleStore(nil)
	defer store.Close(ctx)
	connector := must(connect.New(store, nil))
	mia := oauthstore.Owner{Tenant: "acme", Subject: "mia"}

	token := connect.Token{AccessToken: oauthstore.NewSecret("Bearer made-up-token")}
	_, err := connector.Import(ctx, providers.Notion(), mia, token, nil)
	fmt.Println(connect.KindOf(err))

	token.AccessToken = oauthstore.NewSecret("made-up-token")
	result := must(connector.Import(ctx, providers.Notion(), mia, token, nil))
	fmt.Println(result.Status.State, result.Status.Key.Server)
	// Output:
	// wrong_token_kind
	// active https://mcp.notion.com/mcp
}

// A program with pages of its own runs the steps itself. The callback may come to
// another process.
func ExampleConnector_Begin() {
	ctx := context.Background()
	world := must(lab.Start(nil)) // in place of a vendor
	defer world.Close()
	store := exampleStore(&oauthstore.Options{InsecureAllowLoopback: true})
	defer store.Close(ctx)
	callback := make(chan string, 1)
	site := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { callback <- r.URL.RawQuery }))
	defer site.Close()
	connector := must(connect.New(store, &connect.Options{RedirectURL: site.URL + "/callback", InsecureAllowLoopback: true}))
	mia := oauthstore.Owner{Tenant: "acme", Subject: "mia"}

	notes := providers.Custom("notes", world.Server("notes").MCPURL, nil)
	consent := must(connector.Begin(ctx, notes, mia, nil))
	fmt.Println(consent.Client, consent.Named, consent.Scopes) // an unnamed issuer: show the user both hosts
	request := must(http.NewRequestWithContext(ctx, http.MethodGet, consent.URL, nil))
	response, err := world.Client().Do(request) // the user's browser
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()

	query := <-callback
	result := must(connector.Finish(ctx, mia, consent.Binding, query)) // consent.Binding from the cookie
	fmt.Println(result.Status.State, result.Status.Refreshable)
	_, err = connector.Finish(ctx, mia, consent.Binding, query)
	fmt.Println(connect.KindOf(err))
	// Output:
	// registered false [mcp:read mcp:write]
	// active true
	// state_used
}

// A job without a user has a token of the application's own.
func ExampleConnector_ClientCredentials() {
	ctx := context.Background()
	world := must(lab.Start(nil)) // in place of a vendor
	defer world.Close()
	tasks := world.Server("tasks")
	apps := connect.Apps{{Issuer: tasks.Issuer, Servers: []string{tasks.MCPURL}, ID: tasks.ClientID, Secret: oauthstore.NewSecret(tasks.ClientSecret)}}
	store := exampleStore(&oauthstore.Options{Clients: apps.Client, InsecureAllowLoopback: true})
	defer store.Close(ctx)
	connector := must(connect.New(store, &connect.Options{Apps: apps, InsecureAllowLoopback: true}))

	robot := oauthstore.Owner{Tenant: "acme", Subject: "nightly-report"}
	result := must(connector.ClientCredentials(ctx, providers.Custom("tasks", tasks.MCPURL, nil), robot, nil))
	fmt.Println(result.Status.Key.Owner, result.Status.State, result.Status.Provenance.Obtained)
	// Output:
	// acme/nightly-report active client_credentials
}

// The secret of an application is found by its issuer and its id, both exactly.
func ExampleApps_Client() {
	apps := connect.Apps{{Providers: []string{"asana"}, ID: "1200000000000001", Secret: oauthstore.NewSecret("made-up-secret")}}
	client, err := apps.Client(context.Background(), "https://app.asana.com", "1200000000000001")
	fmt.Println(client.Secret, err)
	_, err = apps.Client(context.Background(), "https://as.example.com", "1200000000000001")
	fmt.Println(errors.Is(err, oauthstore.ErrNotFound))
	// Output:
	// [redacted] <nil>
	// true
}

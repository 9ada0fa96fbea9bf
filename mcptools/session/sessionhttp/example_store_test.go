package sessionhttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/mcptools/session/sessionhttp"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// table is a [sessionhttp.Store] in which a conversation exists once the application
// has created it.
type table struct {
	sessionhttp.Store
	created map[string]oauthstore.Owner
}

func (t table) Get(ctx context.Context, owner oauthstore.Owner, id string) (sessionhttp.Record, error) {
	if t.created[id] != owner {
		return sessionhttp.Record{}, sessionhttp.ErrNotFound
	}
	return t.Store.Get(ctx, owner, id)
}

// The store decides which conversations there are. Others are answered with 404.
func ExampleStore() {
	mia := oauthstore.Owner{Tenant: "acme", Subject: "mia"}
	signedIn := func(*http.Request) (oauthstore.Owner, error) { return mia, nil }
	open := func(context.Context, oauthstore.Owner, string, *session.State) (*session.Session, error) {
		return nil, errors.New("this example has no model")
	}
	store := table{sessionhttp.NewMemory(), map[string]oauthstore.Owner{"c1": mia}}
	chats, err := sessionhttp.New(signedIn, open, store, nil)
	if err != nil {
		panic(err)
	}
	defer chats.Close(context.Background())
	mux := http.NewServeMux()
	mux.Handle("/chats/{id}", chats)

	request := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/chats/c2", strings.NewReader(`{"message": "Hello"}`))
	request.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, request)
	fmt.Println(w.Code, w.Body)
	// Output: 404 {"error":{"code":"not_found","message":"There is no such conversation."}}
}

// Of two replicas that save the same version, one succeeds. An UPDATE with the version
// in its WHERE clause does the same.
func ExampleMemory() {
	ctx := context.Background()
	store := sessionhttp.NewMemory()
	mia := oauthstore.Owner{Tenant: "acme", Subject: "mia"}
	record, err := store.Get(ctx, mia, "c1") // a new conversation
	fmt.Println(record.Version, err)

	record.Data = []byte(`{}`)
	fmt.Println(store.Put(ctx, mia, "c1", record))
	err = store.Put(ctx, mia, "c1", record) // by another replica
	fmt.Println(errors.Is(err, sessionhttp.ErrConflict))

	record, err = store.Get(ctx, mia, "c1")
	fmt.Println(record.Version, err)
	// Output:
	// 0 <nil>
	// <nil>
	// true
	// 1 <nil>
}

// A browser whose user is not signed in gets a sentence to show.
func ExampleNew() {
	signedIn := func(*http.Request) (oauthstore.Owner, error) { return oauthstore.Owner{}, errors.New("no cookie") }
	open := func(context.Context, oauthstore.Owner, string, *session.State) (*session.Session, error) {
		return nil, errors.New("this example has no model")
	}
	chats, err := sessionhttp.New(signedIn, open, sessionhttp.NewMemory(), nil)
	if err != nil {
		panic(err)
	}
	defer chats.Close(context.Background())
	mux := http.NewServeMux()
	mux.Handle("/chats/{id}", chats)

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/chats/c1", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 401 {"error":{"code":"signed_out","message":"Sign in first."}}
}

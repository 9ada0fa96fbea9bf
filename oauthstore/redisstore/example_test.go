package redisstore_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/redisstore"
)

// The store starts although Redis does not respond, so that the process can start
// before its database. Callers get an error that says to try later.
func ExampleNew() {
	ctx := context.Background()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1}) // no server listens there
	defer client.Close()
	db, err := redisstore.New(client, nil)
	if err != nil {
		panic(err)
	}
	defer db.Close()
	keys, err := keyset.New() // in a program: keyset.Load
	if err != nil {
		panic(err)
	}
	store, err := oauthstore.New(db, keys, nil)
	if err != nil {
		panic(err)
	}
	defer store.Close(ctx)

	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, Provider: "stripe", Server: "https://mcp.stripe.com"}
	_, err = store.Token(ctx, key, oauthstore.Need{})
	var failure *oauthstore.Error
	fmt.Println(errors.Is(err, oauthstore.ErrUnavailable), errors.As(err, &failure), failure.HTTPStatus())
	// Output: true true 503
}

// Applications that share a Redis use different prefixes. The prefix becomes the hash
// tag of a cluster, so it has no braces of its own.
func ExampleOptions() {
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	defer client.Close()
	for _, prefix := range []string{"billing", "{billing}"} {
		_, err := redisstore.New(client, &redisstore.Options{Prefix: prefix})
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// redisstore: Options.Prefix has a brace
}

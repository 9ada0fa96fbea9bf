package doctor_test

import (
	"context"
	"fmt"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/doctor"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A token of the vendor's REST API has a valid format, but the MCP server
// rejects it.
func ExampleExamine() {
	world, err := lab.Start(nil) // replaces a vendor
	if err != nil {
		panic(err)
	}
	defer world.Close()
	notes := world.Server("notes")
	for _, token := range []string{world.Key("notes", "mia"), world.RESTToken("notes", "mia")} {
		report := doctor.Examine(context.Background(), doctor.Case{
			Provider: providers.Custom("notes", notes.MCPURL, nil), ServerURL: notes.MCPURL,
			Token: &oauthstore.Token{AccessToken: oauthstore.NewSecret(token)},
		}, &doctor.Options{InsecureAllowLoopback: true})
		last := report.Steps[len(report.Steps)-1]
		fmt.Printf("%s: %q, %q (%s: %v)\n", report.Verdict, report.Cause, report.Action, last.Name, last.OK)
	}
	// Output:
	// ok: "", "none" (probe: true)
	// failing: "wrong_audience", "reconnect" (probe: false)
}

// must is for examples.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A tool fails for a user: why? The user removed the application at the vendor.
func ExampleStored() {
	ctx := context.Background()
	world := must(lab.Start(nil)) // replaces a vendor
	defer world.Close()
	store := must(oauthstore.New(memstore.New(), must(keyset.New()), &oauthstore.Options{InsecureAllowLoopback: true}))
	defer store.Close(ctx)
	notes := providers.Custom("notes", world.Server("notes").MCPURL, nil)
	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "mia"}, Provider: "notes", Server: notes.Server.URL}
	must(store.Put(ctx, key, world.Grant("notes", "mia").Credential()))
	world.Revoke("mia")

	report := doctor.Examine(ctx, must(doctor.Stored(ctx, store, notes, key)), &doctor.Options{InsecureAllowLoopback: true})
	fmt.Println(report.Verdict, report.Cause, report.Action)
	for _, h := range report.Hypotheses {
		if h.Verdict != doctor.RuledOut && h.Verdict != doctor.Possible {
			fmt.Println(h.ID, h.Verdict)
		}
	}
	// Output:
	// failing revoked reconnect
	// revoked confirmed
	// unauthorized confirmed
}

// An engineer has only the text of an error, and the catalogue knows the server.
func ExampleAdvise() {
	text := "Error retrieving tool list from MCP server: 'asana'. Http status code: 401 (Unauthorized)"
	advice := doctor.Advise(text, mcptools.Classify([]byte(text), nil))
	fmt.Println(advice.Provider)
	for _, command := range advice.Commands {
		fmt.Println(command)
	}
	// Output:
	// asana
	// toolgrant connect asana --client-id ID --client-secret-file FILE
	// toolgrant doctor asana
	// toolgrant entry asana
}

// A job checks each night whether the servers that an application uses still publish
// what the catalogue says. Here a scope is gone.
func ExampleVerifyCatalogue() {
	world := must(lab.Start(nil)) // replaces a vendor
	defer world.Close()
	notes := providers.Custom("notes", world.Server("notes").MCPURL, &providers.CustomOptions{
		OAuth: providers.OAuth{Issuer: world.Server("notes").Issuer, Scopes: []string{"mcp:read", "mcp:admin"}},
	})
	for _, v := range doctor.VerifyCatalogue(context.Background(), []providers.Provider{notes}, &doctor.VerifyOptions{InsecureAllowLoopback: true}) {
		fmt.Println(v.Provider, v.Outcome)
		for _, d := range v.Drifts {
			if d.Kind != doctor.DriftNew {
				fmt.Println(d.Fact, d.Kind, d.Known)
			}
		}
	}
	// Output:
	// notes differs
	// oauth.scopes gone mcp:admin
}

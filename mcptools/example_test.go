package mcptools_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// These tokens live elsewhere; *oauthstore.Store keeps them and refreshes them.
var creds = oauthstore.SourceFunc(func(_ context.Context, key oauthstore.Key, _ time.Duration) (oauthstore.Token, error) {
	if key.Provider == "linear" {
		return oauthstore.Token{}, oauthstore.ErrNotFound
	}
	return oauthstore.Token{AccessToken: oauthstore.NewSecret("synthetic-secret-of-" + key.Provider)}, nil
})

func ExampleBuilder_Build() {
	notion, err := mcptools.NewBuilder(providers.Notion(), creds, &mcptools.Options{
		Approval:          mcptools.Approval{Never: []string{"notion-search", "notion-fetch"}},
		InsecureSkipProbe: true, // this example has no network
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	tool, err := notion.Build(context.Background(), oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	raw, err := json.MarshalIndent(tool, "", "  ")
	fmt.Println(string(raw), err)
	// Output:
	// {
	//   "server_label": "notion",
	//   "authorization": "synthetic-secret-of-notion",
	//   "server_description": "Notion: pages, databases and comments.",
	//   "server_url": "https://mcp.notion.com/mcp",
	//   "require_approval": {
	//     "never": {
	//       "tool_names": [
	//         "notion-search",
	//         "notion-fetch"
	//       ]
	//     }
	//   },
	//   "type": "mcp"
	// } <nil>
}

func ExampleBuilder_Build_refused() {
	linear, _ := mcptools.NewBuilder(providers.Linear(), creds, nil)
	_, err := linear.Build(context.Background(), oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, nil)

	if f, ok := mcptools.AsFailure(err); ok {
		fmt.Println(f.Kind, f.HTTPStatus())
		fmt.Println(f.PublicMessage())
	}
	// Output:
	// not_connected 409
	// Linear is not connected: connect your account and try again.
}

func ExampleSet_Build() {
	offline := &mcptools.Options{InsecureSkipProbe: true} // this example has no network
	notion, _ := mcptools.NewBuilder(providers.Notion(), creds, offline)
	linear, _ := mcptools.NewBuilder(providers.Linear(), creds, offline)
	set, err := mcptools.NewSet(notion, linear)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := set.Build(context.Background(), oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(result.Tools()), "tool for the request")
	for _, s := range result.Skipped {
		fmt.Println("skipped", s.Label+":", s.Failure.Action)
	}
	fmt.Println(result.Entries[0]) // without its secrets
	// Output:
	// 1 tool for the request
	// skipped linear: connect
	// {"server_label":"notion","authorization":"[redacted]","server_description":"Notion: pages, databases and comments.","server_url":"https://mcp.notion.com/mcp","require_approval":"always","type":"mcp"}
}

func ExampleNewBuilder_faults() {
	_, err := mcptools.NewBuilder(providers.Notion(), creds, &mcptools.Options{
		Label:   "My Notion",
		Headers: map[string]string{"authorization": "Bearer …"},
	})
	fmt.Println(err)
	// Output:
	// mcptools: label "My Notion": must begin with a letter and hold only letters, digits, '-' and '_'
	// mcptools: Headers: header authorization can't be set: the credential is put there, or into the authorization field, and OpenAI refuses both together
}

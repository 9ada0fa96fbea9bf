// Package mcptools turns a user's credential into the exact tools entry that
// OpenAI's Responses API wants, and OpenAI's failures into one typed error.
//
// A builder is made once for each provider, from what is known of the provider
// and from a credential store. It builds an entry for any owner:
//
//	asana, err := mcptools.NewBuilder(providers.Asana(), creds, nil)
//	...
//	tool, err := asana.Build(ctx, oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, nil)
//	if f, ok := mcptools.AsFailure(err); ok {
//		http.Error(w, f.PublicMessage(), f.HTTPStatus()) // "Asana is not connected: …", 409
//		return
//	}
//	resp, err := client.Responses.New(ctx, responses.ResponseNewParams{
//		Model: "gpt-5",
//		Tools: []responses.ToolUnionParam{tool},
//		...
//	})
//	if f, ok := mcptools.AsFailure(err); ok {
//		log.Print(f) // "mcptools: unauthorized: …", where openai-go says "424 Failed Dependency"
//	}
//
// An entry holds a token that ends, and OpenAI stores none: build it anew for
// every request, also for the next turn of the same conversation. A [Set]
// builds the entries of several providers at once and leaves out those that
// the owner has not connected.
//
// # What is checked before OpenAI is asked
//
// From cheap to dear: that the token was obtained for the very server that the
// entry points to, where the store knows; that it does not look like something
// else; and, when a token is new, that the MCP server takes it. The last is a
// request to the server with the URL and the headers of the entry: it lists
// tools and calls none. Only a refusal by the server stops an entry; a server
// that can't be reached from here may be reached by OpenAI.
//
// # Security
//
// The entry's server_url is shown in OpenAI's stored responses, so a URL that
// holds a credential is refused. Calls need approval unless [Options.Approval]
// says otherwise. Entries, results and failures print without secrets; the
// tools themselves are openai-go's types, and it shows what they hold.
//
// # Errors
//
// Build's errors, and what [AsFailure] makes of OpenAI's, are of type
// [*Failure]. errors.Is takes a [Kind]; [Failure.Action] says what helps.
//
// # Compatibility
//
// Entries are those of openai-go v3. What OpenAI's API enforces and does not
// publish, such as the form of a server_label, is enforced here too.
package mcptools

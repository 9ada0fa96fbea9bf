// Package mcptools turns a user's credential into the exact tools entry of
// OpenAI's Responses API, and OpenAI's failures into one typed error.
//
// A program creates one builder for each provider, from the provider's data and a
// credential store. It builds an entry for any owner:
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
// An entry contains a token that expires, and OpenAI does not store it: build an
// entry for every request, also for the next turn of the same conversation. A
// [Set] builds the entries of several providers at once and skips those that the
// owner has not connected; its [Result.Option] replaces a token that an MCP server
// refuses. Package session runs whole conversations.
//
// # What is checked before OpenAI is asked
//
// Cheapest check first: the token was obtained for the server of the entry, if the
// store knows its provenance; its shape is not that of another credential; and, if
// it is new, the MCP server accepts it. The last check is a request to the server
// with the URL and headers of the entry, which lists tools and calls none. Only a
// refusal by the server prevents an entry: OpenAI may reach a server that this
// process can't reach.
//
// # Security
//
// OpenAI shows the entry's server_url in stored responses, so a URL that contains a
// credential is refused. Calls need approval unless [Options.Approval] is set.
// Entries, results and failures print without secrets. The tools themselves are
// openai-go's types, which print their tokens.
//
// Other services take the same entry and read it differently. [Options.Platform]
// names one of package platform: the entry is then right for it or is refused, and
// [Result.Option] sends it nowhere else.
//
// # Errors
//
// The errors of Build are of type [*Failure], and [AsFailure] converts those of
// openai-go. errors.Is accepts a [Kind]; [Failure.Action] is the remedy.
//
// # Compatibility
//
// Entries are those of openai-go v3 and of OpenAI's guide,
// https://developers.openai.com/api/docs/guides/tools-connectors-mcp. Rules that
// OpenAI's API enforces without publishing them, such as the form of a server_label,
// are enforced here too.
package mcptools

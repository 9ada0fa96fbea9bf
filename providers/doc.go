// Package providers knows remote MCP servers: where they are, whose tokens they
// take and how those travel, how an application becomes a client, and what
// breaks OpenAI's client there. It is data with sources, and the offline checks
// that need nothing else; it does no I/O.
//
// A builder takes one of the catalogue's functions, or [Custom] for a server
// that the catalogue does not have:
//
//	github := providers.GitHub(&providers.GitHubOptions{Toolsets: []string{"issues"}, ReadOnly: true})
//	wiki := providers.Custom("wiki", "https://mcp.example.com/mcp", nil)
//
// From a credential's point of view there are three questions. Which way to
// authenticate does a token belong to, and can it be one at all?
//
//	asana := providers.Asana()
//	way := asana.WayOf(token)
//	warning, err := asana.CheckToken(way.ID, token) // "this is a GitHub token …"
//
// Where does an entry for it point to, to the byte?
//
//	serverURL, err := asana.ServerURL("") // or a URL that a customer gave
//
// And was it issued for that server?
//
//	ok := asana.AcceptsResource(serverURL, provenance.Resource)
//
// What servers have a URL per customer are templates: [Provider.At] fills one,
// and [Provider.ServerURL] takes full URLs that fit it. [Provider.Resolve]
// gives what discovery and consent start from.
//
// Facts age. Each record and, where they differ, each group of facts in it
// carries a [Source] with its date; an empty field means that nobody said,
// never "no". Live metadata beats the data, save where [OAuth] is Pinned.
package providers

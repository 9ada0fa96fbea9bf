// Package providers describes remote MCP servers: their URLs, the tokens they
// take and the headers that carry them, how an application registers as a
// client, and known problems with OpenAI's client. It consists of data with
// sources and of checks that need no network; it does no I/O.
//
// A builder takes the result of one of the catalogue's functions, or of [Custom]
// for a server that the catalogue lacks:
//
//	github := providers.GitHub(&providers.GitHubOptions{Toolsets: []string{"issues"}, ReadOnly: true})
//	wiki := providers.Custom("wiki", "https://mcp.example.com/mcp", nil)
//
// The checks answer three questions about a credential. Which way to
// authenticate does a token belong to, and can it be a token at all?
//
//	asana := providers.Asana()
//	way := asana.WayOf(token)
//	warning, err := asana.CheckToken(way.ID, token) // "this is a GitHub token …"
//
// What is the exact server_url of its entry?
//
//	serverURL, err := asana.ServerURL("") // or a URL that a customer gave
//
// Was it issued for that server?
//
//	ok := asana.AcceptsResource(serverURL, provenance.Resource)
//
// Servers with per-customer URLs use templates: [Provider.At] fills one, and
// [Provider.ServerURL] accepts full URLs that match it. [Provider.Resolve]
// returns the provider at one URL, which is where discovery and consent start.
//
// Facts age. Each record carries a [Source] with its date, and so do groups of
// facts from elsewhere. An empty field means that no source covers it, never
// "no". Live metadata takes precedence over the data, except where [OAuth] is
// Pinned.
package providers

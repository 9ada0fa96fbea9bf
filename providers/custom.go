package providers

// CustomOptions describe a server that the catalogue lacks. Nil and the zero
// value suit most servers.
type CustomOptions struct {
	// Name is shown to people. If empty, the id.
	Name string
	// Description is the entry's server_description. If empty, none is sent.
	Description string
	// Transport is TransportHTTP or TransportSSE. If empty, TransportHTTP.
	Transport string
	// Ways are the ways to authenticate to the server, best first. If nil, a
	// user's consent ("oauth"), then a key as a bearer ("api_key").
	Ways []Way
	// Takes are the kinds of token of another vendor, or of an AI platform or a
	// cloud, that the server really takes, such as "github_classic" for a
	// self-hosted server of GitHub's. If nil, such tokens are refused and sent
	// nowhere.
	Takes []TokenKind
	// OAuth describes the authorization server. If zero, discovery finds it.
	OAuth OAuth
	// Tokens describes its tokens. If zero, the most careful assumptions.
	Tokens Tokens
	// Check is how the validity of a token is checked. If zero, initialize and
	// tools/list.
	Check Check
	// Headers are sent beside the credential. If nil, none.
	Headers []Header
	// Options are query parameters that a URL of the same server may have. If
	// nil, none.
	Options []string
}

// Custom returns a provider for any server. id names it in credentials' keys and
// labels its entries; serverURL is its exact server_url. [Provider.Validate],
// which a builder calls, reports invalid arguments. Plain http is possible for
// loopback addresses, for tests.
func Custom(id, serverURL string, opts *CustomOptions) Provider {
	if opts == nil {
		opts = &CustomOptions{}
	}
	p := Provider{
		ID: id, Name: opts.Name, Description: opts.Description, Transport: opts.Transport,
		Server: Server{URL: serverURL}, Ways: opts.Ways, OAuth: opts.OAuth, Tokens: opts.Tokens,
		Check: opts.Check, Headers: opts.Headers, Options: opts.Options,
	}
	if p.Name == "" {
		p.Name = id
	}
	if p.Transport == "" {
		p.Transport = TransportHTTP
	}
	if p.Ways == nil {
		p.Ways = []Way{
			{ID: "oauth", Kind: WayOAuth, Name: "OAuth", Obtain: "The user consents in a browser."},
			{ID: "api_key", Kind: WayKey, Name: "API key", Obtain: "Ask the server's operator where to make a key."},
		}
	}
	p = clone(p)
	for i := range p.Ways {
		if p.Ways[i].Kind != WayNone {
			p.Ways[i].Takes = append(p.Ways[i].Takes, opts.Takes...)
		}
	}
	return p
}

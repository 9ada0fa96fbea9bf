package providers

// CustomOptions say what is known of a server that the catalogue does not
// have. Nil and the zero value are right for most.
type CustomOptions struct {
	// Name is for people. Default: the id.
	Name string
	// Description is the entry's server_description. Default: none is sent.
	Description string
	// Transport is TransportHTTP or TransportSSE. Default: TransportHTTP.
	Transport string
	// Ways are how the server lets itself be authenticated to, best first.
	// Default: a user's consent ("oauth"), then a key as a bearer ("api_key").
	Ways []Way
	// Takes are the kinds of token of another vendor, or of an AI platform or a
	// cloud, that the server really takes, such as "github_classic" for a
	// self-hosted server of GitHub's. If nil, such tokens are refused and sent
	// nowhere.
	Takes []TokenKind
	// OAuth is what is known of the authorization server. Default: found by
	// discovery.
	OAuth OAuth
	// Tokens is what is known of its tokens. Default: the most careful
	// assumptions.
	Tokens Tokens
	// Check says how the validity of a token is checked. Default: initialize
	// and tools/list.
	Check Check
	// Headers are sent beside the credential. Default: none.
	Headers []Header
	// Options are query parameters that do not make it another server. Default:
	// none.
	Options []string
}

// Custom returns a provider for any server: id names it in credentials' keys
// and labels its entries, serverURL is its server_url to the byte. What is
// wrong with them is told by [Provider.Validate], which a builder calls. Plain
// http is possible for loopback addresses, which is for tests.
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
			{ID: "api_key", Kind: WayKey, Name: "API key", Obtain: "The server's operator tells where keys are made."},
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

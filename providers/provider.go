package providers

import "time"

// A Provider is what is known of one remote MCP server and of how it wants to
// be spoken to. It is plain data: no I/O, no secret. The functions of this
// package return a fresh value each time, which the caller may change before a
// builder is made of it; [Provider.Validate] tells what no longer fits.
type Provider struct {
	ID          string   // lower case, such as "asana"; part of every credential's key
	Name        string   // for people, such as "Asana"
	Label       string   // server_label of the entry; "" means ID
	Description string   // server_description of the entry; "" means none is sent
	Server      Server   // where it is
	Transport   string   // TransportHTTP or TransportSSE; "" for OpenAI's connectors
	Ways        []Way    // how it lets itself be authenticated to, best first
	OAuth       OAuth    // its authorization server; zero: found by discovery
	Tokens      Tokens   // what its tokens are like
	RESTToken   Answer   // whether a token of the vendor's REST API works on the MCP server
	Check       Check    // how the validity of a token is best checked
	Headers     []Header // headers beside the credential that it understands
	Options     []string // query parameters that it understands: a URL with them is the same server
	ReadOnly    string   // how to get read-only tools; "" if nobody says
	Hazards     []string // what is known to break OpenAI's client here, one sentence each
	Quirks      []string // what else surprises, one sentence each
	Cost        string   // what a call costs beside the model's tokens; "" if nothing is known
	Retired     string   // not empty: refused, in a sentence that names what to use now
	Docs        []string // the vendor's pages
	Source      Source   // of the facts above that carry no source of their own
}

// Transports of an MCP server.
const (
	TransportHTTP = "streamable_http"
	TransportSSE  = "sse"
)

// A Server says where an MCP server is: at one URL, at a URL per customer, or
// behind one of OpenAI's connectors.
type Server struct {
	// URL is the server_url to the byte: it is never normalised, since slashes
	// at its end matter. Parts in braces make it a template that [Provider.At]
	// fills.
	URL string
	// Alternates are other documented URLs, or templates of them, of the same
	// server and the same credential.
	Alternates []string
	Params     []Param   // the parts in braces, of URL and Alternates
	Refused    []Refused // documented or once documented URLs that must not be used
	Connector  string    // connector_id, for OpenAI's connectors; then URL is ""
}

// A Param is a part of a URL template.
type Param struct {
	Name    string
	Pattern string // regular expression (RE2) that the whole value must match
	Example string
	Doc     string // where the value is found
}

// A Refused is a form of URL that must not become a server_url.
type Refused struct {
	Pattern string // regular expression (RE2) over the URL
	Why     string // a sentence that names what to use now
}

// Kinds of [Way].
const (
	WayOAuth = "oauth" // an access token from the provider's authorization server
	WayKey   = "key"   // a key that a person makes at the provider and that is not refreshed
	WayNone  = "none"  // the server is open to anyone
)

// A Way is one way to authenticate.
type Way struct {
	ID     string // unique in the provider, such as "oauth", "api_key", "connection_token"
	Kind   string // one of the Way constants
	Name   string // for people, such as "connection token"
	Obtain string // a sentence: where the user or the developer gets it
	// Carry says in which headers the secrets travel. Empty means as a bearer
	// token, which is what OpenAI's authorization field carries; anything else
	// can only travel in the entry's headers.
	Carry []Carry
	// Registration says how an application becomes a client, for WayOAuth.
	Registration Registration
	Source       Source // zero: the provider's
}

// A Carry is one header that carries a secret.
type Carry struct {
	Header string // such as "Authorization", "x-api-key"
	Scheme string // put before the secret with a space; "" for none
	Secret string // which one: "" is the token itself, else a name in Credential.Secrets
}

// A Registration is a kind of client registration.
type Registration string

// Kinds of registration.
const (
	RegistrationUnknown    Registration = ""
	RegistrationOpen       Registration = "open"       // anyone, by dynamic registration (RFC 7591)
	RegistrationRestricted Registration = "restricted" // dynamic, but only for listed clients or redirect URIs
	RegistrationManual     Registration = "manual"     // a person makes an application; see Way.Obtain
)

// OAuth is what is known of an authorization server. Empty fields are found
// by discovery; live metadata beats the others unless Pinned.
type OAuth struct {
	Issuer                string
	AuthorizationEndpoint string
	TokenEndpoint         string
	RegistrationEndpoint  string
	RevocationEndpoint    string
	ResourceMetadata      string   // URL of the protected-resource metadata (RFC 9728)
	Resource              string   // resource parameter (RFC 8707); "" means the server URL
	Resources             []string // other values of it that name the same server
	Scopes                []string // that exist or are usual; which are asked for is connect's choice
	DefaultScopes         []string // to ask for where neither challenge nor metadata says; nil: none
	AuthMethods           []string // token_endpoint_auth_method values that it takes
	ClientIDMetadata      bool     // it takes client ID metadata documents
	Pinned                bool     // the values here bind, and metadata at the server's own origin is not asked: it is a trap
	// InsecureNoPKCEMetadata: its metadata leaves out
	// code_challenge_methods_supported although it takes S256.
	InsecureNoPKCEMetadata bool
	// LegacyDiscovery: it publishes no protected-resource metadata, so that the
	// authorization server is looked for at its own origin (MCP 2025-03-26).
	LegacyDiscovery bool
	Source          Source // zero: the provider's
}

// Tokens is what is known of a provider's tokens.
type Tokens struct {
	TTL              time.Duration // lifetime of an access token; 0: not known
	Refresh          Answer        // whether there are refresh tokens
	Rotates          Answer        // whether a refresh ends the refresh token before
	OldAccessDies    bool          // a refresh ends the access token before
	ExpiresInMissing bool          // answers leave out expires_in
	Format           string        // one sentence
	Source           Source        // zero: the provider's
}

// An Answer is yes, no, or that no source said.
type Answer string

// Answers.
const (
	Unknown Answer = ""
	Yes     Answer = "yes"
	No      Answer = "no"
)

// A Check says how the validity of a token is best checked. The zero value
// means initialize and tools/list, which suits any server that asks everyone
// for a token.
type Check struct {
	// Anonymous: initialize and tools/list answer anyone, so that they prove
	// nothing.
	Anonymous bool
	// URL, if not empty, answers a GET with the token: 200 for a valid one and
	// 401 or 403 for others.
	URL string
	// Note is a sentence about what else is known, such as a REST call that
	// proves nothing.
	Note string
}

// A Header is one that a server understands beside the credential.
type Header struct {
	Name string
	Doc  string
}

// A Source says where facts come from.
type Source struct {
	URL        string
	Date       string // YYYY-MM-DD, or as much of it as is known
	Confidence string // "high", "medium" or "low"
}

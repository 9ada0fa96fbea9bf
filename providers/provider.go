package providers

import "time"

// A Provider is what is known of one remote MCP server and of how it wants to
// be spoken to. It is plain data: no I/O, no secret. The functions of this
// package return a fresh value each time, which the caller may change before a
// builder is made of it; [Provider.Validate] tells what no longer fits.
// Methods do not change it; it is safe for concurrent use while nobody writes.
type Provider struct {
	ID          string   // such as "asana"; part of every credential's key
	Name        string   // for people, such as "Asana"
	Vendor      string   // whose server it is, such as "Google"; "" if unknown, then no vendor's token counts as foreign
	Label       string   // server_label of the entry; "" means ID
	Description string   // server_description of the entry; "" means none is sent
	Server      Server   // where it is
	Transport   string   // TransportHTTP or TransportSSE; "" for OpenAI's connectors
	Ways        []Way    // how it lets itself be authenticated to, best first
	OAuth       OAuth    // its authorization server; zero: found by discovery
	Tokens      Tokens   // what its OAuth tokens are like
	RESTToken   Answer   // whether a token of the vendor's REST API works on the MCP server
	Wrong       []Wrong  // kinds of token that are not for this server, or not the best
	Check       Check    // how the validity of a token is best checked
	Headers     []Header // headers beside the credential
	Options     []string // query parameters that it understands: a URL with them is the same server
	ReadOnly    string   // how to get read-only tools; "" if nobody says
	Hazards     []string // what is known to break OpenAI's client here, one sentence each
	Quirks      []string // what else surprises, one sentence each
	Cost        string   // what a call costs beside the model's tokens; "" if nothing is known
	Retired     string   // not empty: refused, in a sentence that names what to use now
	Docs        []string // the vendor's pages, and others that the facts come from
	Source      Source   // of the facts above that carry no source of their own

	// faults are of the typed options that it was made with; Validate and
	// ServerURL report them.
	faults []string
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
	// at its end matter. Parts in braces make it a template, which
	// [Provider.At] fills and a full URL per owner may replace.
	URL string
	// Alternates are other documented URLs, or templates of them, for the same
	// kind of credential: regions, read-only paths, single toolsets.
	Alternates []string
	Params     []Param   // the parts in braces, of URL, Alternates and OAuth
	Refused    []Refused // documented or once documented URLs that must not be used
	Connector  string    // connector_id, for OpenAI's connectors; then URL is ""
	// Hosts are where a vendor serves each customer at a URL of no known form:
	// any https URL on one of them is taken, and URL is "". "*.example.com" is
	// every host below example.com. "*" is every host: an application is then
	// used only for server URLs that the operator lists.
	Hosts []string
}

// A Param is a part of a URL template.
type Param struct {
	Name    string
	Pattern string // regular expression (RE2) that the whole value must match; "" means any, and is not possible in a host
	Example string
	Doc     string // where the value is found
}

// A Refused is a form of URL that must not become a server_url.
type Refused struct {
	Pattern string // regular expression (RE2) over the URL
	Why     string // a sentence that names what to use now
}

// A Wrong is a kind of token that is surely not for a server, or that works
// there but should not be used.
type Wrong struct {
	Kind  TokenKind
	Why   string // a sentence that goes on after "this is a …", such as "It works on the REST API only."
	Works bool   // it works all the same: a warning, no refusal
}

// Check says how the validity of a token is best checked. The zero value
// means initialize and tools/list, which suits any server that asks everyone
// for a token.
type Check struct {
	// Anonymous: initialize and tools/list answer anyone, so that they prove
	// nothing.
	Anonymous bool
	// URL, if not empty, answers a GET with the token as a bearer: 200 for a
	// valid one and 401 or 403 for others. It proves nothing about the MCP
	// server where RESTToken is not [Yes].
	URL string
	// Note is a sentence about what else is known, such as a REST call that
	// proves nothing.
	Note string
}

// A Header is one that a server understands beside the credential.
type Header struct {
	Name  string
	Value string // sent with every entry; "": not sent
	Doc   string // what it does, with an example
	// Required: the server does not work without it. Where Value is "", each
	// entry must give one, since it differs from owner to owner.
	Required bool
}

// A Source says where facts come from.
type Source struct {
	URL        string
	Date       string // YYYY-MM-DD, or as much of it as is known
	Confidence string // "high", "medium" or "low"
}

// OAuth is what is known of an authorization server. Empty fields are found
// by discovery; live metadata beats the others unless Pinned. It describes the
// server at Server.URL: for a URL on another host, or one that Issuers names,
// [Provider.Resolve] drops it and keeps only that issuer.
type OAuth struct {
	Issuer string // may be a template over Server.Params
	// Issuers are the issuers at other server URLs, by the beginning of such a
	// URL, which ends in a slash; a longer beginning goes first.
	Issuers               map[string]string
	AuthorizationEndpoint string
	TokenEndpoint         string
	RegistrationEndpoint  string
	RevocationEndpoint    string
	ResourceMetadata      string   // URL of the protected-resource metadata (RFC 9728)
	Resource              string   // resource parameter (RFC 8707); "" means the server URL
	Resources             []string // other values of it that name the same server
	Audiences             []string // the aud values of which its JWTs must have one; nil: not known
	Scopes                []string // that exist or are usual; which are asked for is connect's choice
	DefaultScopes         []string // to ask for where neither challenge nor metadata says; nil: none
	NoScopes              bool     // asking for any scope is refused, or advised against: none is ever asked for
	// AuthorizationParams are added to the authorization URL, such as
	// access_type=offline, without which Google gives no refresh token.
	AuthorizationParams map[string]string
	AuthMethods         []string // token_endpoint_auth_method values that it takes; nil: not known
	ClientIDMetadata    bool     // it takes client ID metadata documents
	Pinned              bool     // the values here bind, and metadata at the server's own origin is not asked: it is a trap
	// InsecureNoPKCEMetadata: its metadata leaves out
	// code_challenge_methods_supported although it takes S256.
	InsecureNoPKCEMetadata bool
	// LegacyDiscovery: it publishes no protected-resource metadata, or its
	// challenge does not point there, so that the authorization server is looked
	// for at its own origin (MCP 2025-03-26).
	LegacyDiscovery bool
	Source          Source // zero: the provider's
}

// Tokens is what is known of a provider's OAuth tokens.
type Tokens struct {
	TTL              time.Duration // lifetime of an access token; 0: not known
	RefreshTTL       time.Duration // lifetime of a refresh token; 0: not known
	Refresh          Answer        // whether there are refresh tokens
	Rotates          Answer        // whether a refresh ends the refresh token before; treat Unknown as Yes
	OldAccessDies    bool          // a refresh ends the access token before
	ExpiresInMissing bool          // answers leave out expires_in
	RefusedCodes     []string      // error codes that mean the same as invalid_grant here
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

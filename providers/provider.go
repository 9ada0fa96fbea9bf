package providers

import "time"

// A Provider describes one remote MCP server and how it authenticates its
// callers. It is plain data: it does no I/O and holds no secret. The functions
// of this package return a new value each time. The caller may change it before
// passing it to a builder; [Provider.Validate] reports what is then invalid.
// Its methods do not change it and are safe for concurrent use as long as no
// goroutine changes it.
type Provider struct {
	ID          string   // such as "asana"; part of every credential's key
	Name        string   // for people, such as "Asana"
	Vendor      string   // operator of the server, such as "Google"; "" if unknown
	Label       string   // server_label of the entry; "" means ID
	Description string   // server_description of the entry; "" means none is sent
	Server      Server   // its URLs
	Transport   string   // TransportHTTP or TransportSSE; "" for OpenAI's connectors
	Ways        []Way    // ways to authenticate to it, best first
	OAuth       OAuth    // its authorization server; zero: found by discovery
	Tokens      Tokens   // properties of its OAuth tokens
	RESTToken   Answer   // whether a token of the vendor's REST API works on the MCP server
	Wrong       []Wrong  // kinds of token that are refused or discouraged
	Check       Check    // best check of a token's validity
	Headers     []Header // headers beside the credential
	Options     []string // query parameters that a URL of the same server may have
	ReadOnly    string   // how to get read-only tools; "" if unknown
	Hazards     []string // known problems with OpenAI's client, one sentence each
	Quirks      []string // other surprises, one sentence each
	Cost        string   // cost of a call beside the model's tokens; "" if unknown
	Retired     string   // if not empty, the server is refused; a sentence that names its replacement
	ReplacedBy  string   // id of the provider to use instead of a retired one
	Docs        []string // the vendor's pages, and other sources
	Source      Source   // source of the facts that carry no source of their own

	// faults are errors of the typed options that the provider was made with;
	// Validate and ServerURL report them.
	faults []string
}

// Transports of an MCP server.
const (
	TransportHTTP = "streamable_http" // Streamable HTTP (MCP 2025-03-26 and later)
	TransportSSE  = "sse"             // HTTP+SSE (MCP 2024-11-05), which is deprecated
)

// A Server locates an MCP server: at one URL, at a URL per customer, or behind
// one of OpenAI's connectors.
type Server struct {
	// URL is the exact server_url. It is never normalized, since a slash at its
	// end matters. Parts in braces make it a template, which [Provider.At] fills
	// and a full URL per owner may replace.
	URL string
	// Alternates are other documented URLs, or templates of them, for the same
	// kind of credential: regions, read-only paths, single toolsets.
	Alternates []string
	Params     []Param   // the parts in braces of URL, Alternates and OAuth
	Refused    []Refused // URLs, documented now or once, that must not be used
	Connector  string    // connector_id, for OpenAI's connectors; then URL is ""
	// Hosts are where a vendor serves each customer at a URL of no known form:
	// any https URL on one of them is accepted, and URL is "". "*.example.com" is
	// every host below example.com. "*" is every host: an application is then
	// used only for server URLs that the operator lists. Customers of the vendor
	// must not receive requests on these hosts, such as webhooks: a user's token
	// goes there.
	Hosts []string
}

// A Param is a part of a URL template.
type Param struct {
	Name    string // as in the braces
	Pattern string // regular expression (RE2) that the whole value must match; "" means any, and is not possible in a host
	Example string // a valid value
	Doc     string // where the value is found
}

// A Refused is a form of URL that must not become a server_url.
type Refused struct {
	Pattern string // regular expression (RE2) over the URL
	Why     string // a sentence that names what to use now
	// API reports whether these are URLs of the vendor's REST API. A text that
	// shows such a call hints at a token of that API.
	API bool
}

// A Wrong is a kind of token that is not for a server, or that works there but
// should not be used.
type Wrong struct {
	Kind  TokenKind
	Why   string // a sentence that follows "this is a …", such as "It works on the REST API only."
	Works bool   // the token works: warn, do not refuse
}

// Check describes the best check of a token's validity. The zero value means
// initialize and tools/list, which suits servers that require a token for both.
type Check struct {
	// Anonymous reports whether the server answers initialize and tools/list
	// without a token, so that they prove nothing.
	Anonymous bool
	// URL, if not empty, responds to a GET with the token as a bearer: 200 for a
	// valid token, 401 or 403 for others. It proves nothing about the MCP server
	// unless RESTToken is [Yes].
	URL string
	// Note is a sentence with further facts, such as a REST call that proves
	// nothing.
	Note string
}

// A Header is one that a server understands beside the credential.
type Header struct {
	Name  string // such as X-MCP-Readonly
	Value string // sent with every entry; "" sends none
	Doc   string // its effect, with an example
	// Required reports whether the server fails without it. If Value is empty,
	// each entry must give one, since it differs between owners.
	Required bool
}

// A Source names where facts come from.
type Source struct {
	URL        string // page, document or repository
	Date       string // YYYY-MM-DD, or as much of it as is known
	Confidence string // "high", "medium" or "low"
}

// OAuth describes an authorization server. Discovery finds the empty fields.
// Issuer binds: metadata that does not name it is refused. Live metadata takes
// precedence over the other fields unless Pinned. It belongs to
// the server at Server.URL: for a URL on another host, or one that Issuers
// names, [Provider.Resolve] drops it and keeps only that issuer.
type OAuth struct {
	Issuer string // may be a template over Server.Params
	// Issuers are the issuers at other server URLs, keyed by a prefix of the URL
	// that ends in a slash; the longest matching prefix counts.
	Issuers               map[string]string
	AuthorizationEndpoint string   // where users consent; "": from the metadata (RFC 8414), as the following
	TokenEndpoint         string   // where codes are exchanged and tokens refreshed
	RegistrationEndpoint  string   // dynamic registration (RFC 7591)
	RevocationEndpoint    string   // RFC 7009
	ResourceMetadata      string   // URL of the protected-resource metadata (RFC 9728)
	Resource              string   // resource parameter (RFC 8707); "" means the server URL
	Resources             []string // other resource values of the same server
	Audiences             []string // its JWTs must have one of these aud values; nil: unknown
	Scopes                []string // scopes that exist; package connect chooses which to request
	DefaultScopes         []string // scopes to request where neither challenge nor metadata names any; nil: none
	NoScopes              bool     // no scope is ever requested: the server rejects any, or its vendor advises against it
	// AuthorizationParams are added to the authorization URL, such as
	// access_type=offline, without which Google gives no refresh token.
	AuthorizationParams map[string]string
	AuthMethods         []string // token_endpoint_auth_method values that it accepts; nil: unknown
	ClientIDMetadata    bool     // it accepts client ID metadata documents
	Pinned              bool     // these values bind; metadata at the server's origin, which is wrong, is not read
	// InsecureNoPKCEMetadata reports whether its metadata lacks
	// code_challenge_methods_supported although it accepts S256.
	InsecureNoPKCEMetadata bool
	// InsecureLegacyDiscovery reports whether the server publishes no
	// protected-resource metadata, or its challenge does not point there. The
	// authorization server's metadata is then read at the server's origin (MCP
	// 2025-03-26), which must belong to the same operator.
	InsecureLegacyDiscovery bool
	// NoResource reports whether the authorization server rejects the resource
	// parameter (RFC 8707), so that no request has it. Only its scopes then name
	// the server that a token is for.
	NoResource bool
	// NoRefreshResource reports whether it rejects the parameter in refreshes
	// only. NoResource includes it.
	NoRefreshResource bool
	// RefreshScopes reports whether it rejects a refresh without scope. The
	// requested scopes are then repeated, never the granted ones.
	RefreshScopes bool
	Source        Source // zero: the provider's
}

// Tokens describes a provider's OAuth tokens.
type Tokens struct {
	TTL              time.Duration // lifetime of an access token; 0: unknown
	RefreshTTL       time.Duration // lifetime of a refresh token; 0: unknown
	Refresh          Answer        // whether there are refresh tokens
	Rotates          Answer        // whether a refresh invalidates the previous refresh token; treat Unknown as Yes
	OldAccessDies    bool          // a refresh invalidates the previous access token
	ExpiresInMissing bool          // token responses lack expires_in
	RefusedCodes     []string      // error codes that mean the same as invalid_grant here
	Types            []string      // token_type values beside Bearer of its bearer tokens, such as "user"
	Member           string        // member of a token response that contains the tokens if the response itself has none, such as "authed_user"
	Format           string        // one sentence
	Source           Source        // zero: the provider's
}

// An Answer is yes, no, or unknown: no source covers it.
type Answer string

// Answers.
const (
	Unknown Answer = ""    // no source covers it
	Yes     Answer = "yes" // a source says so
	No      Answer = "no"  // a source says so
)

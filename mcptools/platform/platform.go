package platform

import (
	"cmp"
	"slices"
)

// A Platform describes a service that takes an mcp entry in a request of the
// Responses API. It is plain data. The functions of this package return a new
// value each time, which the caller may change. Its methods are safe for concurrent
// use as long as no goroutine changes it.
type Platform struct {
	ID       string // such as "groq"
	Name     string // for people, such as "Groq"
	Endpoint string // URL of the Responses API, as documented

	// Hosts are patterns of the hosts at which the platform serves its API, in
	// which '*' matches any text without a slash, such as "*.openai.azure.com". A path
	// after the host restricts the pattern to URLs below it. Platforms that their
	// users run themselves have none.
	Hosts []string

	// Refused, if not empty, is the reason why the platform can't use an entry
	// with a server_url at all.
	Refused string

	// NoCredential, if not empty, says why an entry can't carry a credential, and
	// where the platform takes it from.
	NoCredential string

	Fields   map[Field]Support // what the platform does with each field; missing: Unknown
	Approval Default           // approval of calls without require_approval

	// ApprovalLists reports whether the approval filter has lists of names in place of
	// objects with tool_names: {"never":["search"]}.
	ApprovalLists bool

	// RequestHeaders are headers that the request to the platform needs beside the
	// entry.
	RequestHeaders map[string]string

	// EntryFields are fields that each entry needs beside those of OpenAI.
	EntryFields map[string]string

	// Label is a regular expression (RE2) that a server_label must match beside
	// OpenAI's rule. If empty, any.
	Label string

	MaxServers int        // maximum number of entries in a request; 0: no documented limit
	Transports []string   // transports of MCP servers, as in providers; nil: both
	Connects   Connection // where the connection to the MCP server comes from

	// NoPrevious reports whether the platform stores no responses, so that each request
	// needs the whole conversation in place of previous_response_id.
	NoPrevious bool

	// Realtime reports whether its Realtime API takes the entry too.
	Realtime bool

	Errors string   // how it reports a failed MCP server, in a sentence
	Notes  []string // further facts, one sentence each
	Source Source   // of the facts
	More   []Source // further sources
}

// A Source names where facts come from.
type Source struct {
	Text       string // document, repository or package, with its version
	Date       string // YYYY-MM-DD, or as much of it as is known
	Confidence string // "high": schema or source code; "medium": the vendor's text
}

// A Field is a field of the mcp entry, or a part of one that platforms treat
// differently from the rest.
type Field string

// Fields of an entry.
const (
	FieldServerURL        Field = "server_url"                  // URL of the MCP server
	FieldTunnel           Field = "tunnel_id"                   // id of OpenAI's Secure MCP Tunnel
	FieldConnector        Field = "connector_id"                // id of one of the platform's connectors
	FieldDescription      Field = "server_description"          // the server, described to the model
	FieldAuthorization    Field = "authorization"               // a bare token
	FieldHeaders          Field = "headers"                     // headers without a secret
	FieldHeaderAuth       Field = "headers.Authorization"       // an Authorization header with its scheme
	FieldHeaderKeys       Field = "headers with a key"          // other headers with a secret, such as X-API-Key
	FieldAllowedTools     Field = "allowed_tools"               // a list of names
	FieldReadOnly         Field = "allowed_tools.read_only"     // a filter by annotation
	FieldApproval         Field = "require_approval"            // "always" or "never"
	FieldApprovalFilter   Field = "require_approval.tool_names" // approval by name
	FieldApprovalReadOnly Field = "require_approval.read_only"  // approval by annotation
	FieldCallers          Field = "allowed_callers"             // who may call: the model, or code that it wrote
	FieldDefer            Field = "defer_loading"               // whether the tool list waits for tool search
)

// Support says what a platform does with a field.
type Support string

// Values of Support.
const (
	Unknown Support = ""        // no source says
	Taken   Support = "taken"   // it has its documented effect
	Dropped Support = "dropped" // it is ignored without an error
	Refused Support = "refused" // the request fails
)

// Default is what a platform does with a call where the entry has no
// require_approval.
type Default string

// Values of Default.
const (
	DefaultUnknown Default = ""       // no source says
	DefaultAlways  Default = "always" // it asks for approval
	DefaultNever   Default = "never"  // it makes the call
	DefaultNone    Default = "none"   // it has no approval: it makes each call
)

// Connection says where a platform's connections to MCP servers come from.
type Connection string

// Values of Connection.
const (
	ConnectionCloud   Connection = "cloud"   // the vendor's network: the server's URL must be public
	ConnectionProcess Connection = "process" // the process that serves the API, perhaps in the caller's own network
)

// Takes reports what the platform does with a field.
func (p Platform) Takes(f Field) Support { return p.Fields[f] }

// Bearer returns the field that carries a bearer token: [FieldAuthorization],
// else [FieldHeaderAuth], and "" if neither is known to work.
func (p Platform) Bearer() Field {
	for _, f := range []Field{FieldAuthorization, FieldHeaderAuth} {
		if p.Takes(f) == Taken {
			return f
		}
	}
	return ""
}

// All returns all platforms, sorted by id.
func All() []Platform {
	all := make([]Platform, 0, len(data))
	for _, p := range data {
		all = append(all, p())
	}
	slices.SortFunc(all, func(a, b Platform) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Lookup returns the platform with that id, and whether there is one.
func Lookup(id string) (Platform, bool) {
	for _, p := range data {
		if found := p(); found.ID == id {
			return found, true
		}
	}
	return Platform{}, false
}

// fields returns the support of fields: those of taken, dropped and refused.
func fields(taken, dropped, refused []Field) map[Field]Support {
	m := make(map[Field]Support, len(taken)+len(dropped)+len(refused))
	for support, all := range map[Support][]Field{Taken: taken, Dropped: dropped, Refused: refused} {
		for _, f := range all {
			m[f] = support
		}
	}
	return m
}

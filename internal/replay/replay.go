package replay

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
)

// Sources of a replay.
const (
	Live          = "live"          // an audit read the values from the server's metadata
	Documentation = "documentation" // values of documentation, of other projects, or inferred
)

// A Server is one MCP server of the catalogue with its authorization server.
type Server struct {
	ID        string                    `json:"id"` // of the provider
	From      string                    `json:"from"`
	Date      string                    `json:"date"`   // of the source
	URL       string                    `json:"server"` // with filled templates; "" for a connector
	Connector string                    `json:"connector"`
	Challenge string                    `json:"challenge"` // WWW-Authenticate of a response without a token; "" for none
	Status    int                       `json:"status"`    // of that response; 0 means 401
	Anonymous bool                      `json:"anonymous"` // it responds with 200 instead
	Denies    bool                      `json:"well_known_401"`
	Documents map[string]map[string]any `json:"documents"` // by URL
	// AppIssuer is the issuer that an application names where the data has a
	// template that the server's URL does not fill.
	AppIssuer string `json:"app_issuer"`
	// Scopes are what a caller must request, since neither metadata nor data
	// names any.
	Scopes []string            `json:"scopes"`
	AS     AuthorizationServer `json:"authorization_server"`
}

// An AuthorizationServer says what an authorization server accepts beyond its
// metadata document, from which Servers fills the empty fields.
type AuthorizationServer struct {
	Metadata  string `json:"metadata"` // URL of the document; "" for none
	Issuer    string `json:"issuer"`   // that the catalogue names; "" means that of the document
	Authorize string `json:"authorization_endpoint"`
	Token     string `json:"token_endpoint"`
	Register  string `json:"registration_endpoint"`
	Revoke    string `json:"revocation_endpoint"`
	Device    string `json:"device_authorization_endpoint"`

	Clients  string   `json:"clients"` // one of the Clients constants
	Methods  []string `json:"-"`       // client authentication that it accepts
	Public   bool     `json:"public"`  // it also accepts applications without a secret
	Machine  bool     `json:"machine"` // it accepts the grant client_credentials
	Document bool     `json:"-"`       // it accepts client ID metadata documents
	Iss      string   `json:"-"`       // iss of its authorization responses; "" for none
	// Resource is what it expects as the resource parameter: ResourceRejected,
	// ResourceIgnored, or a value.
	Resource      string            `json:"resource"`
	Scope         string            `json:"scope"`  // one of the Scope constants; "" means that it accepts those of the documents
	Scopes        []string          `json:"-"`      // that exist; nil: any
	Params        map[string]string `json:"params"` // required in authorization requests
	OfflineParams map[string]string `json:"offline_params"`
	OfflineScope  string            `json:"offline_scope"` // without these there is no refresh token
	RefreshScope  bool              `json:"refresh_scope"` // a refresh must repeat the requested scopes
	Refresh       string            `json:"refresh"`       // one of the Refresh constants
	Forgets       bool              `json:"forgets"`       // a refresh invalidates the previous access token
	ExpiresIn     int               `json:"expires_in"`    // seconds; 0 means 3600
	SecretLife    int               `json:"secret_life"`   // of a registered client, in seconds; 0: unlimited
	TokenType     string            `json:"token_type"`    // "" means Bearer
	Member        string            `json:"member"`        // member of a token response that contains the tokens; ""
	Dead          string            `json:"dead"`          // error code of a used refresh token; "" means invalid_grant
	ErrorStatus   int               `json:"errors"`        // status of errors; 0 means 400
	Revokes       string            `json:"revokes"`       // the only kind of token that it revokes; "" for any
}

// Values of AuthorizationServer.Clients: which clients of strangers it admits.
const (
	ClientsNone     = "none"     // it has no registration
	ClientsOpen     = "open"     // all
	ClientsVetted   = "vetted"   // all register, and the authorization endpoint refuses redirect URIs that are not on the vendor's list
	ClientsClosed   = "closed"   // registration refuses clients that are not on the vendor's list
	ClientsLoopback = "loopback" // registration refuses redirect URIs other than loopback ones
)

// Values of AuthorizationServer.Refresh.
const (
	RefreshRotates = "rotates" // each refresh token can be used once
	RefreshOmitted = "omitted" // the response to a refresh has no refresh token: the old one stays
	RefreshNone    = "none"    // there are no refresh tokens
)

// Values of AuthorizationServer.Scope.
const (
	ScopeRejected = "rejected"
	ScopeRequired = "required" // and any is accepted
	ScopeAny      = "any"
)

// Values of AuthorizationServer.Resource.
const (
	ResourceRejected = "rejected"
	ResourceIgnored  = "ignored"
)

//go:embed replays.json
var data []byte

// Servers returns new copies of all servers, sorted by id.
func Servers() []*Server {
	var all []*Server
	if err := json.Unmarshal(data, &all); err != nil {
		panic(fmt.Sprintf("replays.json: %v", err))
	}
	for _, s := range all {
		s.fill()
	}
	return all
}

// fill completes the authorization server from the documents.
func (s *Server) fill() {
	as := &s.AS
	doc := s.Documents[as.Metadata]
	text := func(field *string, member string) {
		if value, ok := doc[member].(string); ok && *field == "" {
			*field = value
		}
	}
	for member, field := range map[string]*string{
		"issuer": &as.Issuer, "authorization_endpoint": &as.Authorize, "token_endpoint": &as.Token, "registration_endpoint": &as.Register,
		"revocation_endpoint": &as.Revoke, "device_authorization_endpoint": &as.Device,
	} {
		text(field, member)
	}
	if as.Clients == "" {
		as.Clients = ClientsOpen
		if as.Register == "" {
			as.Clients = ClientsNone
		}
	}
	as.Methods = texts(doc["token_endpoint_auth_methods_supported"])
	if as.Methods == nil {
		as.Methods = []string{"client_secret_basic", "client_secret_post"}
	}
	if as.Document, _ = doc["client_id_metadata_document_supported"].(bool); as.Document && doc["token_endpoint_auth_methods_supported"] == nil {
		as.Public = true // such clients have no secret
	}
	if as.Public && !slices.Contains(as.Methods, "none") {
		as.Methods = append(as.Methods, "none")
	}
	if sent, _ := doc["authorization_response_iss_parameter_supported"].(bool); sent {
		text(&as.Iss, "issuer")
	}
	for _, d := range s.Documents {
		if resource, ok := d["resource"].(string); ok && as.Resource == "" {
			as.Resource = resource
		}
		if as.Scope == "" {
			as.Scopes = append(as.Scopes, texts(d["scopes_supported"])...)
		}
	}
	if as.Resource == "" {
		as.Resource = s.URL
	}
	if as.Refresh == "" {
		as.Refresh = RefreshRotates
	}
	if as.ExpiresIn == 0 {
		as.ExpiresIn = 3600
	}
	if as.ErrorStatus == 0 {
		as.ErrorStatus = 400
	}
	if as.Dead == "" {
		as.Dead = "invalid_grant"
	}
	if as.TokenType == "" {
		as.TokenType = "Bearer"
	}
}

func texts(v any) []string {
	list, _ := v.([]any)
	var all []string
	for _, x := range list {
		if text, ok := x.(string); ok {
			all = append(all, text)
		}
	}
	return all
}

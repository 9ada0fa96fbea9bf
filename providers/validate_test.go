package providers_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/providers"
)

func TestValidateReportsEveryFault(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(p *providers.Provider){
		"the id":             func(p *providers.Provider) { p.ID = "no spaces" },
		"up to 63":           func(p *providers.Provider) { p.ID = strings.Repeat("a", 65) },
		"no name":            func(p *providers.Provider) { p.Name = "" },
		"the label":          func(p *providers.Provider) { p.Label = "1st" },
		"exactly one of URL": func(p *providers.Provider) { p.Server.Hosts = []string{"*.example.com"} },
		"the connector":      func(p *providers.Provider) { p.Server = providers.Server{Connector: "gmail"}; p.Transport = "" },
		"has no transport":   func(p *providers.Provider) { p.Server = providers.Server{Connector: "connector_gmail"} },
		"the transport":      func(p *providers.Provider) { p.Transport = "stdio" },
		"in Params twice":    func(p *providers.Provider) { p.Server.Params = []providers.Param{{Name: "a"}, {Name: "a"}} },
		"does not compile":   func(p *providers.Provider) { p.Server.Params = []providers.Param{{Name: "a", Pattern: "("}} },
		"does not match": func(p *providers.Provider) {
			p.Server.Params = []providers.Param{{Name: "a", Pattern: "x", Example: "y"}}
		},
		`"b" is not in Params`:    func(p *providers.Provider) { p.Server.Alternates = []string{"https://example.com/{b}"} },
		"not an absolute URL":     func(p *providers.Provider) { p.Server.URL = "example.com" },
		"fragment":                func(p *providers.Provider) { p.Server.Alternates = []string{"https://example.com/#x"} },
		"a pattern that compiles": func(p *providers.Provider) { p.Server.Refused = []providers.Refused{{Pattern: "("}} },
		"a form that it refuses":  func(p *providers.Provider) { p.Server.Refused = []providers.Refused{{Pattern: "example", Why: "No."}} },
		"no way to authenticate":  func(p *providers.Provider) { p.Ways = nil },
		"a unique id":             func(p *providers.Provider) { p.Ways = append(p.Ways, p.Ways[0]) },
		"unknown kind":            func(p *providers.Provider) { p.Ways[0].Kind = "magic" },
		"takes no token": func(p *providers.Provider) {
			p.Ways[1].Kind = providers.WayNone
			p.Ways[1].Takes = []providers.TokenKind{"jwt"}
		},
		"so it has no Registration":     func(p *providers.Provider) { p.Ways[1].Registration = providers.RegistrationOpen },
		`kind of token "nonsense"`:      func(p *providers.Provider) { p.Ways[0].Takes = []providers.TokenKind{"nonsense"} },
		`kind of token "rubbish"`:       func(p *providers.Provider) { p.Wrong = []providers.Wrong{{Kind: "rubbish"}} },
		"the URL of the way":            func(p *providers.Provider) { p.Ways[0].URL = "https://elsewhere.example/mcp" },
		`duplicate header "x-key"`:      func(p *providers.Provider) { p.Ways[1].Carry = []providers.Carry{{Header: "X-Key"}, {Header: "x-key"}} },
		"the prefix of the header":      func(p *providers.Provider) { p.Ways[1].Carry = []providers.Carry{{Header: "X-Key", Prefix: "a\n"}} },
		"not an https URL":              func(p *providers.Provider) { p.OAuth.TokenEndpoint = "http://example.com/token" },
		"the scope":                     func(p *providers.Provider) { p.OAuth.Scopes = []string{"a b"} },
		"NoScopes":                      func(p *providers.Provider) { p.OAuth.NoScopes, p.OAuth.DefaultScopes = true, []string{"a"} },
		"NoResource suffices":           func(p *providers.Provider) { p.OAuth.NoResource, p.OAuth.NoRefreshResource = true, true },
		"invalid token type":            func(p *providers.Provider) { p.Tokens.Types = []string{"us er"} },
		"bound to a key":                func(p *providers.Provider) { p.Tokens.Types = []string{"dpop"} },
		"not one of the further":        func(p *providers.Provider) { p.Tokens.Types = []string{"bearer"} },
		"invalid member":                func(p *providers.Provider) { p.Tokens.Member = "access_token" },
		"unknown client authentication": func(p *providers.Provider) { p.OAuth.AuthMethods = []string{"magic"} },
		"prefix of one of its URLs": func(p *providers.Provider) {
			p.OAuth.Issuers = map[string]string{"https://elsewhere.example/": "https://a.example"}
		},
		"that ends in a slash": func(p *providers.Provider) {
			p.OAuth.Issuers = map[string]string{"https://mcp.example.com": "https://a.example"}
		},
		"pinned":                     func(p *providers.Provider) { p.OAuth.Pinned = true },
		`duplicate header "a b"`:     func(p *providers.Provider) { p.Headers = []providers.Header{{Name: "a b"}} },
		"belongs to a way":           func(p *providers.Provider) { p.Headers = []providers.Header{{Name: "authorization"}} },
		"the value of the header":    func(p *providers.Provider) { p.Headers = []providers.Header{{Name: "X-A", Value: "\r\n"}} },
		"can't be a query parameter": func(p *providers.Provider) { p.Options = []string{"api_key"} },
	} {
		p := providers.Custom("wiki", "https://mcp.example.com/mcp", nil)
		require.NoError(t, p.Validate())
		change(&p)
		assert.ErrorContains(t, p.Validate(), says)
	}

	p := providers.Custom("1", "example.com", nil)
	p.Ways = nil
	err := p.Validate()
	for _, says := range []string{"the id", "not an absolute URL", "no way to authenticate"} {
		assert.ErrorContains(t, err, says, "Validate reports all faults at once")
	}
}

func TestCustomUsesItsOptions(t *testing.T) {
	t.Parallel()
	opts := &providers.CustomOptions{
		Name: "Wiki", Description: "Pages.", Transport: providers.TransportSSE, Options: []string{"p"},
		Ways:  []providers.Way{{ID: "none", Kind: providers.WayNone, Name: "no credential"}},
		OAuth: providers.OAuth{Scopes: []string{"read"}}, Headers: []providers.Header{{Name: "X-A", Value: "1"}},
	}
	p := providers.Custom("wiki", "https://mcp.example.com/sse", opts)
	require.NoError(t, p.Validate())
	assert.Equal(t, "Wiki", p.Name)
	assert.Equal(t, providers.TransportSSE, p.Transport)
	opts.Headers[0].Value, opts.OAuth.Scopes[0] = "changed", "changed"
	assert.Equal(t, "1", p.Headers[0].Value, "the caller's options may change afterwards")
	assert.Equal(t, "read", p.OAuth.Scopes[0])

	plain := providers.Custom("wiki", "https://mcp.example.com/mcp", nil)
	assert.Equal(t, "wiki", plain.Name)
	assert.Len(t, plain.Ways, 2)
}

// TestRecordsShareNothing walks two copies of each record and compares where
// their slices and maps are.
func TestRecordsShareNothing(t *testing.T) {
	t.Parallel()
	var walk func(path string, a, b reflect.Value)
	walk = func(path string, a, b reflect.Value) {
		if a.Kind() == reflect.Struct {
			for i := range a.NumField() {
				walk(path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
			}
		}
		if a.Kind() == reflect.Map && !a.IsNil() || a.Kind() == reflect.Slice && a.Cap() > 0 {
			assert.NotEqual(t, a.Pointer(), b.Pointer(), path)
		}
		if a.Kind() == reflect.Slice {
			for i := range min(a.Len(), b.Len()) {
				walk(path+"[]", a.Index(i), b.Index(i))
			}
		}
	}
	first, second := providers.All(), providers.All()
	for i := range first {
		walk(first[i].ID, reflect.ValueOf(first[i]), reflect.ValueOf(second[i]))
	}
	full := full(t)
	c, err := providers.NewCatalogue(full)
	require.NoError(t, err)
	got, _ := c.Lookup("full")
	walk("full", reflect.ValueOf(full), reflect.ValueOf(got))
}

// full returns a provider in which every field that can be shared is set.
func full(t *testing.T) providers.Provider {
	t.Helper()
	p := providers.Provider{
		ID: "full", Name: "Full", Transport: providers.TransportHTTP,
		Server: providers.Server{
			URL: "https://{team}.example.com/mcp", Alternates: []string{"https://example.com/mcp"},
			Params: []providers.Param{{Name: "team", Pattern: "[a-z]+", Example: "acme"}}, Refused: []providers.Refused{{Pattern: "/old", Why: "Old."}},
		},
		Ways: []providers.Way{{
			ID: "key", Kind: providers.WayKey, Name: "key", Carry: []providers.Carry{{Header: "X-Key"}}, Takes: []providers.TokenKind{"jwt"},
		}},
		OAuth: providers.OAuth{
			Issuers: map[string]string{"https://example.com/": "https://as.example"}, Audiences: []string{"a"}, Resources: []string{"https://example.com"}, Scopes: []string{"a"}, DefaultScopes: []string{"a"},
			AuthorizationParams: map[string]string{"a": "b"}, AuthMethods: []string{"none"},
		},
		Tokens: providers.Tokens{RefusedCodes: []string{"x"}, Types: []string{"user"}}, Wrong: []providers.Wrong{{Kind: "github_classic", Why: "No."}},
		Headers: []providers.Header{{Name: "X-A"}}, Options: []string{"a"}, Hazards: []string{"A."}, Quirks: []string{"A."}, Docs: []string{"https://example.com"},
	}
	v := reflect.ValueOf(p)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && v.Type().Field(i).IsExported() {
			require.NotZero(t, f.Len(), "fill in %s", v.Type().Field(i).Name)
		}
	}
	return p
}

package policy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mayExpose are the files that may read the text of a Secret, and why. Each new
// one is another place that could leak a secret.
var mayExpose = map[string]string{
	"internal/secret/secret.go": "comparison",
	"internal/redact/redact.go": "removed from a server's text",

	// Requests to an authorization server.
	"internal/oauth/authorize.go":    "the challenge is the verifier's digest",
	"internal/oauth/client.go":       "the client's secret, sent by its method",
	"internal/oauth/device.go":       "the device code",
	"internal/oauth/grants.go":       "code, verifier, assertion",
	"internal/oauth/management.go":   "an update of a registration contains its secret",
	"internal/oauth/refresh.go":      "the refresh token",
	"internal/oauth/registration.go": "the registration's own token",
	"internal/oauth/revoke.go":       "the token to revoke",

	// Records, which are sealed afterwards.
	"oauthstore/client.go":           "a client's secret; a JWT's expiry",
	"oauthstore/commit.go":           "the new pair",
	"oauthstore/journal.go":          "the new pair, on local disk",
	"oauthstore/grant.go":            "the new credential",
	"oauthstore/connect/flow.go":     "state and verifier of a consent",
	"oauthstore/connect/register.go": "a registration",

	// The user's browser.
	"oauthstore/connect/finish.go": "the binding's digest",
	"oauthstore/connect/web.go":    "the cookie; the form's token is its digest",

	// Inspecting a token without sending it.
	"oauthstore/connect/import.go": "its format",
	"oauthstore/connect/issuer.go": "its audience",
	"mcptools/verify.go":           "its format",
	"mcptools/token_cache.go":      "its hash and digest",
	"mcptools/failure_text.go":     "a server's text, through an explicit method",

	// Destinations of a token.
	"mcptools/entry.go":                     "the entry for OpenAI",
	"mcptools/headers.go":                   "the entry's headers",
	"mcptools/mcpgo/tokenstore.go":          "mcp-go's own type",
	"mcptools/relay/upstream.go":            "removed from a server's response",
	"oauthstore/oauth2adapt/oauth2adapt.go": "x/oauth2's own type; a request's header",
	"cmd/toolgrant/entry.go":                "--reveal",
	"internal/conformance/client/rpc.go":    "the suite's MCP server",
	"internal/conformance/relay/main.go":    "the ticket, for the relay itself",
	"bench/relay.go":                        "the ticket, for the relay that is measured",
}

// TestSecretsAreExposedInTheListedFilesOnly checks calls and method values.
func TestSecretsAreExposedInTheListedFilesOnly(t *testing.T) {
	t.Parallel()
	unused := maps.Clone(mayExpose)
	for _, file := range tracked(t) {
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		src := read(t, file)
		if src == nil {
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Expose" {
				delete(unused, file)
				if _, ok := mayExpose[file]; !ok {
					t.Errorf("%s reads the text of a Secret: use a listed file, or add this one with the reason", fset.Position(n.Pos()))
				}
			}
			return true
		})
	}
	assert.Empty(t, slices.Sorted(maps.Keys(unused)), "these no longer expose a secret: remove them from the list")
}

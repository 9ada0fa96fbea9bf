package failtext_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/internal/failtext"
)

// TestWordsOfClientsAreRead has the wordings of which a beginning says something
// else: they are not in failures.jsonl, whose texts are cut off at any byte.
func TestWordsOfClientsAreRead(t *testing.T) {
	t.Parallel()
	const opening = "Error encountered while enumerating tools from remote server: https://m.example.net/mcp. Details: "
	for words, want := range map[string]failtext.Kind{
		"Authentication failed because the remote party sent a TLS alert: 'HandshakeFailure'.": failtext.KindUnreachable,
		"Authentication failed, see inner exception.":                                          failtext.KindUnreachable,
		"Authentication failed.":                            failtext.KindUnauthorized,
		"net/http: TLS handshake timeout":                   failtext.KindTimeout,
		"could not resolve the merge conflict":              failtext.KindUpstreamUnknown,
		"the certificate of incorporation is missing":       failtext.KindUpstreamUnknown,
		"idle_timeout must be a number":                     failtext.KindUpstreamUnknown,
		"not well-formed (invalid token): line 1, column 0": failtext.KindUpstreamUnknown,
		"Connection reset by peer":                          failtext.KindUpstreamUnknown,
	} {
		f := failtext.Text(opening+words, failtext.Known{Surface: failtext.SurfaceAzure})
		assert.Equal(t, want, f.Kind, words)
		assert.Equal(t, failtext.StageListTools, f.Stage, words)
	}
}

func TestCodeOfJSONRPCThatMayBeCutOffIsNotRead(t *testing.T) {
	t.Parallel()
	const opening = "Error retrieving tool list from MCP server: 'a'. "
	for words, want := range map[string]*int{
		"JSON-RPC 2.0 error code: -1":             new(-1),
		"JSON-RPC 2.0 error code: 401":            new(401),
		"JSON-RPC 2.0 error code: -326":           nil,
		"JSON-RPC 2.0 error code: 3260":           nil,
		"JSON-RPC 2.0 error code: -326.":          new(-326),
		"JSON-RPC 2.0 error code: -32603":         new(-32603),
		"MCP error -32001: Request timed out":     new(-32001),
		"MCP error 7: x":                          nil,
		"JSON-RPC error code=-32601":              new(-32601),
		"JSON-RPC 2.0 error code: 12345678901234": nil,
	} {
		assert.Equal(t, want, failtext.Text(opening+words, failtext.Known{}).RPC, words)
	}
}

package guides_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
)

var update = flag.Bool("update", false, "write the table of docs/guides/troubleshooting.md")

// kinds are the rows of the table, in the order of a search for the cause: what
// the user does, what the operator does, the server, OpenAI.
var kinds = []struct {
	kind        mcptools.Kind
	cause, cure string
}{
	{mcptools.KindNotConnected, "The user has not connected this provider, or disconnected it.", "Send the user to the connections page: `Failure.ConsentURL`, if the options of `Build` have `ConsentURL`."},
	{mcptools.KindReauthorize, "The refresh token expired or was revoked, a key is no longer accepted, or a rotation was lost.", "The user connects again. `toolgrant status` has the reason."},
	{mcptools.KindUnauthorized, "The MCP server answered 401 to OpenAI.", "`Result.Option` and `session` refresh the token and try once more. If it goes on, `toolgrant doctor` asks the server."},
	{mcptools.KindForbidden, "The MCP server answered 403: a permission is missing, or an administrator blocks the application.", "The user connects again and allows all permissions; with `insufficient_scope` use `Connector.StepUp`."},
	{mcptools.KindWrongAudience, "The token was issued for another server, for example for the vendor's REST API.", "The user consents for this server: see [Asana](asana.md)."},
	{mcptools.KindWrongTokenKind, "The token is recognizably another vendor's, or a kind that this server does not take.", "Get the kind that `toolgrant providers ID` names."},
	{mcptools.KindMisconfigured, "The entry can't be built as configured: a server URL, a header, a client secret, a key.", "The message names the field. Nothing was sent to OpenAI."},
	{mcptools.KindUnavailable, "The store, the authorization server or the MCP server does not answer right now, or no token lives long enough.", "Try again after `RetryAfter`. If no token lives long enough (500), ask for less time, or use a relay."},
	{mcptools.KindInvalidTool, "OpenAI or the platform refused the entry itself.", "Correct the field that the message names. If the entry is a Builder's, report it."},
	{mcptools.KindUnsupported, "The platform, the model or the server does not support this field or transport.", "Use another platform, model or option; for platforms see `mcptools/platform`."},
	{mcptools.KindInvalidHistory, "OpenAI refused what the request builds on: an expired response, an answered approval, encrypted content of another model.", "Start a new conversation."},
	{mcptools.KindNotFound, "The MCP server answered 404 or 410.", "The address moved or was retired: `toolgrant explain` knows the present one."},
	{mcptools.KindWrongEndpoint, "Something answered that is not an MCP endpoint: 405, 406, 415, 421, or a URL that OpenAI does not take.", "Use the exact URL of `toolgrant providers ID`. A slash at the end matters."},
	{mcptools.KindBadRequest, "The MCP server answered 400.", "Ask the server's operator, with the failure's `RequestID`."},
	{mcptools.KindRateLimited, "The MCP server answered 429.", "Wait for `RetryAfter`; ask for fewer calls."},
	{mcptools.KindTimeout, "The MCP server did not answer OpenAI in time.", "Try again; if it goes on, ask the server's operator."},
	{mcptools.KindServerError, "The MCP server answered 5xx.", "Try again later."},
	{mcptools.KindUnreachable, "OpenAI could not connect: the name, the port, TLS, or an address that is not public.", "`toolgrant doctor` says which from your machine. A private server needs a tunnel or a relay."},
	{mcptools.KindSessionLost, "The MCP server forgot its session.", "Try again; the server's operator should keep sessions across instances."},
	{mcptools.KindProtocol, "The MCP server answered with something that is not MCP, or with another JSON-RPC error.", "`toolgrant doctor` shows the answer."},
	{mcptools.KindNoTools, "The tool list is empty.", "Check the user's permissions, `AllowedTools` and `ReadOnly`."},
	{mcptools.KindToolFailed, "The tool ran and said that it failed.", "The model has been told. Show `Failure.Upstream` to a developer only."},
	{mcptools.KindUpstreamUnknown, "The list or the call failed and OpenAI does not say why.", "`toolgrant doctor` asks the server itself. With a relay you see its answer."},
	{mcptools.KindPlatform, "OpenAI's own service refused or failed: key, model, quota, outage. No MCP server is involved.", "By its status: wait after 429 and 5xx (503), else correct the request."},
	{mcptools.KindUnknown, "The text is not recognized.", "It may not be an error. `Failure.Upstream` has it."},
}

const tableBegin, tableEnd = "<!-- kinds: generated -->\n", "<!-- end -->\n"

func TestEveryKindOfFailureHasItsCauseAndCure(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	var table strings.Builder
	table.WriteString("| kind | cause | what to do | your user gets |\n|---|---|---|---|\n")
	for _, k := range kinds {
		seen[string(k.kind)] = true
		f := &mcptools.Failure{Kind: k.kind, Action: k.kind.Action()}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %d |\n", k.kind, k.cause, k.cure, f.HTTPStatus())
	}
	for _, constant := range regexp.MustCompile(`Kind +Kind = "(\w+)"|Kind\w+ +Kind = "(\w+)"`).FindAllStringSubmatch(read(t, root+"/mcptools/failure.go"), -1) {
		name := constant[1] + constant[2]
		assert.True(t, seen[name], "no row for %s", name)
		delete(seen, name)
	}
	assert.Empty(t, seen, "rows without a kind")

	name := root + "/docs/guides/troubleshooting.md"
	page := read(t, name)
	before, rest, ok := strings.Cut(page, tableBegin)
	require.True(t, ok)
	_, after, ok := strings.Cut(rest, tableEnd)
	require.True(t, ok)
	want := before + tableBegin + table.String() + tableEnd + after
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(want), 0o644))
		return
	}
	assert.True(t, want == page, "renew with: go test ./internal/guides -run Cure -update")
}

package canary_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/browsertest"
	"github.com/toolgrant/toolgrant/internal/entryhandle"
	"github.com/toolgrant/toolgrant/internal/exactjson"
	"github.com/toolgrant/toolgrant/internal/failtext"
	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
	"github.com/toolgrant/toolgrant/internal/faultproxy"
	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/redact"
	"github.com/toolgrant/toolgrant/internal/replay"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/internal/secret"
	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/internal/toolpin"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/doctor"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/mcpgo"
	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/mcptools/session/sessionhttp"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/deletion"
	"github.com/toolgrant/toolgrant/oauthstore/filestore"
	"github.com/toolgrant/toolgrant/oauthstore/health"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/oauthstore/pgstore"
	"github.com/toolgrant/toolgrant/oauthstore/redisstore"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
	"github.com/toolgrant/toolgrant/oauthstore/storecopy"
	"github.com/toolgrant/toolgrant/oauthstore/storetest"
	"github.com/toolgrant/toolgrant/providers"
)

const module = "github.com/toolgrant/toolgrant"

// types are the exported types of the module that can hold something.
var types = []reflect.Type{
	reflect.TypeFor[browsertest.Driver](),
	reflect.TypeFor[browsertest.Screen](),
	reflect.TypeFor[browsertest.Tab](),

	reflect.TypeFor[exactjson.Member](),
	reflect.TypeFor[exactjson.Object](),

	reflect.TypeFor[failtext.Finding](),
	reflect.TypeFor[failtext.Known](),
	reflect.TypeFor[failtext.Sent](),

	reflect.TypeFor[loosejson.Array](),
	reflect.TypeFor[loosejson.Found](),
	reflect.TypeFor[loosejson.Object](),

	reflect.TypeFor[faultproxy.Proxy](),

	reflect.TypeFor[mcpprobe.Request](),
	reflect.TypeFor[mcpprobe.Result](),

	reflect.TypeFor[oauth.Answer](),
	reflect.TypeFor[oauth.AuthorizationRequest](),
	reflect.TypeFor[oauth.Callback](),
	reflect.TypeFor[oauth.Challenge](),
	reflect.TypeFor[oauth.Client](),
	reflect.TypeFor[oauth.ClientCheck](),
	reflect.TypeFor[oauth.ClientCredentialsRequest](),
	reflect.TypeFor[oauth.ClientMetadata](),
	reflect.TypeFor[oauth.CodeRequest](),
	reflect.TypeFor[oauth.DeviceCode](),
	reflect.TypeFor[oauth.DeviceRequest](),
	reflect.TypeFor[oauth.Error](),
	reflect.TypeFor[oauth.ExchangeRequest](),
	reflect.TypeFor[oauth.Expected](),
	reflect.TypeFor[oauth.JWTBearerRequest](),
	reflect.TypeFor[oauth.PollRequest](),
	reflect.TypeFor[oauth.RefreshRequest](),
	reflect.TypeFor[oauth.RegisterRequest](),
	reflect.TypeFor[oauth.Registration](),
	reflect.TypeFor[oauth.ResourceMetadata](),
	reflect.TypeFor[oauth.ResourceRequest](),
	reflect.TypeFor[oauth.RevokeRequest](),
	reflect.TypeFor[oauth.ScopeChoice](),
	reflect.TypeFor[oauth.ServerMetadata](),
	reflect.TypeFor[oauth.TokenResponse](),
	reflect.TypeFor[oauth.TokenShape](),

	reflect.TypeFor[redact.Redactor](),

	reflect.TypeFor[replay.AuthorizationServer](),
	reflect.TypeFor[replay.Net](),
	reflect.TypeFor[replay.Server](),
	reflect.TypeFor[safehttp.Options](),

	reflect.TypeFor[secret.Secret](),
	reflect.TypeFor[secret.Signer](),

	reflect.TypeFor[entryhandle.Facts](),
	reflect.TypeFor[storehandle.Client](),
	reflect.TypeFor[storehandle.Pair](),

	reflect.TypeFor[toolpin.Change](),
	reflect.TypeFor[toolpin.Pins](),
	reflect.TypeFor[toolpin.Print](),

	reflect.TypeFor[mcptools.Approval](),
	reflect.TypeFor[mcptools.BuildOptions](),
	reflect.TypeFor[mcptools.Builder](),
	reflect.TypeFor[mcptools.ClassifyOptions](),
	reflect.TypeFor[mcptools.Entry](),
	reflect.TypeFor[mcptools.Failure](),
	reflect.TypeFor[mcptools.Options](),
	reflect.TypeFor[mcptools.RelayGrant](),
	reflect.TypeFor[mcptools.RelayTicket](),
	reflect.TypeFor[mcptools.Result](),
	reflect.TypeFor[mcptools.Set](),
	reflect.TypeFor[mcptools.SetBuildOptions](),
	reflect.TypeFor[mcptools.Skipped](),

	reflect.TypeFor[sessionhttp.Handler](),
	reflect.TypeFor[sessionhttp.Memory](),
	reflect.TypeFor[sessionhttp.Options](),
	reflect.TypeFor[sessionhttp.Record](),

	reflect.TypeFor[doctor.Advice](),
	reflect.TypeFor[doctor.Case](),
	reflect.TypeFor[doctor.Drift](),
	reflect.TypeFor[doctor.Hypothesis](),
	reflect.TypeFor[doctor.Options](),
	reflect.TypeFor[doctor.Report](),
	reflect.TypeFor[doctor.Step](),
	reflect.TypeFor[doctor.Verification](),
	reflect.TypeFor[doctor.VerifyOptions](),

	reflect.TypeFor[lab.Call](),
	reflect.TypeFor[lab.EntrySeen](),
	reflect.TypeFor[lab.FaultName](),
	reflect.TypeFor[lab.Grant](),
	reflect.TypeFor[lab.Info](),
	reflect.TypeFor[lab.ModelRequest](),
	reflect.TypeFor[lab.Options](),
	reflect.TypeFor[lab.Player](),
	reflect.TypeFor[lab.Recording](),
	reflect.TypeFor[lab.Request](),
	reflect.TypeFor[lab.Script](),
	reflect.TypeFor[lab.Server](),
	reflect.TypeFor[lab.ServerInfo](),
	reflect.TypeFor[lab.Step](),
	reflect.TypeFor[lab.Tool](),
	reflect.TypeFor[lab.Turn](),
	reflect.TypeFor[lab.World](),

	reflect.TypeFor[mcpgo.TokenStore](),

	reflect.TypeFor[platform.Platform](),
	reflect.TypeFor[platform.Source](),

	reflect.TypeFor[relay.Event](),
	reflect.TypeFor[relay.Options](),
	reflect.TypeFor[relay.Relay](),

	reflect.TypeFor[session.Answer](),
	reflect.TypeFor[session.ApprovalRequest](),
	reflect.TypeFor[session.Event](),
	reflect.TypeFor[session.FunctionCall](),
	reflect.TypeFor[session.Options](),
	reflect.TypeFor[session.Rule](),
	reflect.TypeFor[session.Session](),
	reflect.TypeFor[session.State](),

	reflect.TypeFor[oauthstore.Client](),
	reflect.TypeFor[oauthstore.Credential](),
	reflect.TypeFor[oauthstore.Disconnected](),
	reflect.TypeFor[oauthstore.Error](),
	reflect.TypeFor[oauthstore.Event](),
	reflect.TypeFor[oauthstore.Key](),
	reflect.TypeFor[oauthstore.Need](),
	reflect.TypeFor[oauthstore.Options](),
	reflect.TypeFor[oauthstore.Owner](),
	reflect.TypeFor[oauthstore.Provenance](),
	reflect.TypeFor[oauthstore.Status](),
	reflect.TypeFor[oauthstore.Store](),
	reflect.TypeFor[oauthstore.Swept](),
	reflect.TypeFor[oauthstore.Token](),
	reflect.TypeFor[oauthstore.TokenProfile](),
	reflect.TypeFor[oauthstore.Verdict](),

	reflect.TypeFor[backend.Filter](),
	reflect.TypeFor[backend.ID](),
	reflect.TypeFor[backend.Item](),
	reflect.TypeFor[backend.Record](),

	reflect.TypeFor[deletion.Report](),
	reflect.TypeFor[storecopy.Report](),
	reflect.TypeFor[health.Issuer](),
	reflect.TypeFor[health.Report](),

	reflect.TypeFor[connect.App](),
	reflect.TypeFor[connect.Apps](),
	reflect.TypeFor[connect.Ask](),
	reflect.TypeFor[connect.Consent](),
	reflect.TypeFor[connect.Connector](),
	reflect.TypeFor[connect.Device](),
	reflect.TypeFor[connect.Error](),
	reflect.TypeFor[connect.IdentityProvider](),
	reflect.TypeFor[connect.Listener](),
	reflect.TypeFor[connect.Options](),
	reflect.TypeFor[connect.Result](),
	reflect.TypeFor[connect.Token](),
	reflect.TypeFor[connect.Web](),
	reflect.TypeFor[connect.WebOptions](),

	reflect.TypeFor[filestore.Backend](),

	reflect.TypeFor[keyset.Key](),
	reflect.TypeFor[keyset.Options](),
	reflect.TypeFor[keyset.Set](),

	reflect.TypeFor[memstore.Backend](),

	reflect.TypeFor[pgstore.Backend](),
	reflect.TypeFor[pgstore.Options](),

	reflect.TypeFor[redisstore.Backend](),
	reflect.TypeFor[redisstore.Options](),

	reflect.TypeFor[sqlitestore.Backend](),
	reflect.TypeFor[sqlitestore.Options](),

	reflect.TypeFor[storetest.Options](),

	reflect.TypeFor[providers.BuildkiteOptions](),
	reflect.TypeFor[providers.Carry](),
	reflect.TypeFor[providers.Catalogue](),
	reflect.TypeFor[providers.Check](),
	reflect.TypeFor[providers.CloseOptions](),
	reflect.TypeFor[providers.CustomOptions](),
	reflect.TypeFor[providers.DatadogOptions](),
	reflect.TypeFor[providers.GitHubOptions](),
	reflect.TypeFor[providers.Header](),
	reflect.TypeFor[providers.HuggingFaceOptions](),
	reflect.TypeFor[providers.JWT](),
	reflect.TypeFor[providers.KlaviyoOptions](),
	reflect.TypeFor[providers.MicrosoftLearnOptions](),
	reflect.TypeFor[providers.NeonOptions](),
	reflect.TypeFor[providers.OAuth](),
	reflect.TypeFor[providers.Param](),
	reflect.TypeFor[providers.PayPalOptions](),
	reflect.TypeFor[providers.PipedreamProject](),
	reflect.TypeFor[providers.PostHogOptions](),
	reflect.TypeFor[providers.Provider](),
	reflect.TypeFor[providers.Recognition](),
	reflect.TypeFor[providers.Refused](),
	reflect.TypeFor[providers.RefusedURLError](),
	reflect.TypeFor[providers.RegionOptions](),
	reflect.TypeFor[providers.SalesforceOptions](),
	reflect.TypeFor[providers.SentryOptions](),
	reflect.TypeFor[providers.Server](),
	reflect.TypeFor[providers.SnowflakeServer](),
	reflect.TypeFor[providers.Source](),
	reflect.TypeFor[providers.SupabaseOptions](),
	reflect.TypeFor[providers.Tokens](),
	reflect.TypeFor[providers.Way](),
	reflect.TypeFor[providers.Wrong](),
	reflect.TypeFor[providers.WrongTokenError](),
}

// exported lists the types that a package exports and that can hold something:
// no words and numbers, no functions, no interfaces, no aliases.
func exported(t *testing.T, dir string, files []string) []string {
	t.Helper()
	var names []string
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range gen.Specs {
				spec, ok := s.(*ast.TypeSpec)
				if !ok || !spec.Name.IsExported() || spec.Assign.IsValid() {
					continue
				}
				switch spec.Type.(type) {
				case *ast.Ident, *ast.FuncType, *ast.InterfaceType:
				default:
					names = append(names, spec.Name.Name)
				}
			}
		}
	}
	return names
}

// TestEveryExportedTypeIsListed fails for a type that nothing is planted in.
func TestEveryExportedTypeIsListed(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Name}}\t{{.ImportPath}}\t{{.Dir}}\t{{range .GoFiles}}{{.}} {{end}}\t{{.Imports}}", "./...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, typ := range types {
		assert.False(t, listed[typ.String()], "%s is listed twice", typ)
		listed[fmt.Sprint(typ.PkgPath(), ".", typ.Name())] = true
	}
	found := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		part := strings.Split(strings.TrimSpace(line), "\t")
		require.Len(t, part, 5, line)
		room := strings.TrimPrefix(part[1], module+"/")
		names := exported(t, part[2], strings.Fields(part[3]))
		switch {
		case part[0] == "main":
		case strings.HasPrefix(room, "oauthstore/internal/"), strings.HasPrefix(room, "examples/internal/"):
			// Go lets no other room import it. A package that imports none of ours
			// has no type of a secret at hand.
			assert.False(t, len(names) > 0 && strings.Contains(part[4], module), "%s exports types and may hold secrets", room)
		default:
			for _, name := range names {
				found[part[1]+"."+name] = true
				assert.True(t, listed[part[1]+"."+name], "add %s.%s to types: nothing shows that it prints no secret", room, name)
			}
		}
	}
	for name := range listed {
		assert.True(t, found[name], "there is no exported type %s: take it off the list", name)
	}
}

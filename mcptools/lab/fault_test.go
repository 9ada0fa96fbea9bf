package lab_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/mcptools/lab"
)

func TestFaultsAreNamedAndCounted(t *testing.T) {
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	for _, bad := range []string{"", "notes", "notes:", "unknown:401", "notes:quota", "openai:401*0", "openai:401*x", "notes:slow", "notes:slow=x", "notes:slow=-1s", "notes:401=3"} {
		assert.Error(t, w.Fault(bad), bad)
	}
	names := map[string]bool{}
	for _, f := range w.FaultNames() {
		assert.False(t, names[f.Name], "duplicate fault %s", f.Name)
		names[f.Name] = true
		assert.NotEmpty(t, f.Doc)
		spec := f.Name
		if strings.HasSuffix(spec, ":slow") {
			spec += "=1ms"
		}
		assert.NoError(t, w.Fault(spec), spec)
	}
	assert.True(t, names["mcp:down"] && names["tasks:down"] && names["auth:drop"] && names["openai:quota"])
	w.Clear()

	token := w.Grant("notes", "mia").AccessToken
	list := func(server string) int {
		return post(t, hc, w.Server(server).MCPURL, token, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`).StatusCode
	}
	require.NoError(t, w.Fault("notes:429*2"))
	assert.Equal(t, []int{429, 429, 200}, []int{list("notes"), list("notes"), list("notes")})
	require.NoError(t, w.Fault("notes:404"))
	assert.Equal(t, []int{404, 404}, []int{list("notes"), list("notes")})
	w.Clear("notes:404")
	assert.Equal(t, 200, list("notes"))
	require.NoError(t, w.Fault("mcp:503"))
	assert.Equal(t, []int{503, 503}, []int{list("notes"), list("tasks")})

	_, err := lab.Start(&lab.Options{Faults: []string{"unknown:down"}})
	assert.Error(t, err)
}

// The probe's verdict for each fault of an MCP server: the two implementations
// check each other.
func TestFaultsOfAnMCPServer(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Servers: []lab.Server{{Name: "notes"}, {Name: "old", Legacy: true}}})
	type want struct{ outcome, cause string }
	for fault, wants := range map[string]want{
		"":                {mcpprobe.Accepted, ""},
		"discover_500":    {mcpprobe.Accepted, ""},
		"no_tools":        {mcpprobe.Accepted, ""},
		"changed_tools":   {mcpprobe.Accepted, ""},
		"call_401":        {mcpprobe.Accepted, ""},
		"401":             {mcpprobe.Refused, ""},
		"401_bare":        {mcpprobe.Refused, ""},
		"403_scope":       {mcpprobe.Refused, ""},
		"403":             {mcpprobe.Unknown, mcpprobe.CauseForbidden},
		"400":             {mcpprobe.Unknown, mcpprobe.CauseProtocol},
		"404":             {mcpprobe.Unknown, mcpprobe.CauseWrongEndpoint},
		"405":             {mcpprobe.Unknown, mcpprobe.CauseWrongEndpoint},
		"415":             {mcpprobe.Unknown, mcpprobe.CauseWrongEndpoint},
		"429":             {mcpprobe.Unknown, mcpprobe.CauseRateLimited},
		"500":             {mcpprobe.Unknown, mcpprobe.CauseServerError},
		"503":             {mcpprobe.Unknown, mcpprobe.CauseServerError},
		"504":             {mcpprobe.Unknown, mcpprobe.CauseTimeout},
		"html":            {mcpprobe.Unknown, mcpprobe.CauseProtocol},
		"list_error":      {mcpprobe.Unknown, mcpprobe.CauseProtocol},
		"redirect":        {mcpprobe.Unknown, mcpprobe.CauseRedirect},
		"down":            {mcpprobe.Unknown, mcpprobe.CauseConnReset},
		"hang":            {mcpprobe.Unknown, mcpprobe.CauseTimeout},
		"slow=30ms":       {mcpprobe.Accepted, ""},
		"no_metadata":     {mcpprobe.Accepted, ""},
		"wrong_resource":  {mcpprobe.Accepted, ""},
		"session_lost":    {mcpprobe.Accepted, ""},
		"call_error":      {mcpprobe.Accepted, ""},
		"call_hang":       {mcpprobe.Accepted, ""},
		"call_500":        {mcpprobe.Accepted, ""},
		"slow=1000h":      {mcpprobe.Unknown, mcpprobe.CauseTimeout},
		"401*3":           {mcpprobe.Refused, ""},
		"discover_500*1":  {mcpprobe.Accepted, ""},
		"redirect*1":      {mcpprobe.Accepted, ""}, // server/discover only
		"no_tools*100000": {mcpprobe.Accepted, ""},
	} {
		for _, server := range []string{"notes", "old"} {
			if server == "old" && strings.HasPrefix(fault, "redirect*") {
				continue
			}
			w.Clear()
			if fault != "" {
				require.NoError(t, w.Fault(server+":"+fault))
			}
			timeout := 10 * time.Second
			if fault == "hang" || fault == "slow=1000h" {
				timeout = 60 * time.Millisecond
			}
			res := mcpprobe.Probe(t.Context(), plain(t), mcpprobe.Request{URL: w.Server(server).MCPURL, Timeout: timeout},
				http.Header{"Authorization": {"Bearer " + w.Grant(server, "mia").AccessToken}})
			assert.Equal(t, wants, want{res.Outcome, res.Cause}, "%s:%s: %+v", server, fault, res)
			switch {
			case fault == "no_tools":
				assert.Contains(t, res.Detail, "lists 0 tools")
			case fault == "changed_tools":
				assert.Contains(t, res.Detail, "lists 7 tools")
			case res.Outcome == mcpprobe.Accepted && fault != "no_tools*100000":
				assert.Contains(t, res.Detail, "lists 6 tools")
			}
		}
	}
}

// Faults of the token endpoint: the response, and whether the refresh token was
// consumed.
func TestFaultsOfTheTokenEndpoint(t *testing.T) { //nolint:tparallel // the faults of one world, one after the other
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	for fault, tc := range map[string]struct {
		status int // 0: no response
		code   string
		spent  bool
	}{
		"429":               {429, "slow_down", false},
		"500":               {500, "", false},
		"503":               {503, "temporarily_unavailable", false},
		"html":              {403, "", false},
		"redirect":          {307, "", false},
		"invalid_grant":     {400, "invalid_grant", false},
		"invalid_client":    {401, "invalid_client", false},
		"invalid_scope":     {400, "invalid_scope", false},
		"down":              {0, "", false},
		"drop":              {0, "", true},
		"late_502":          {502, "", true},
		"no_expires_in":     {200, "", true},
		"string_expires_in": {200, "", true},
		"no_access_token":   {200, "", true},
		"no_refresh_token":  {200, "", false},
		"slow=1ms":          {200, "", true},
	} {
		t.Run(fault, func(t *testing.T) {
			require.NoError(t, w.Fault("auth:"+fault+"*1"))
			g := w.Grant("notes", "mia")
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.TokenEndpoint, strings.NewReader(url.Values{
				"grant_type": {"refresh_token"}, "refresh_token": {g.RefreshToken}, "client_id": {g.ClientID},
			}.Encode()))
			require.NoError(t, err)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.GetBody = nil
			resp, err := hc.Do(req)
			var answer map[string]any
			if tc.status == 0 {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				_ = json.NewDecoder(resp.Body).Decode(&answer)
				resp.Body.Close()
				assert.Equal(t, tc.status, resp.StatusCode)
				if tc.code != "" {
					assert.Equal(t, tc.code, answer["error"])
				}
			}
			switch fault {
			case "429", "503":
				assert.Equal(t, "7", resp.Header.Get("Retry-After"))
			case "no_expires_in":
				assert.NotContains(t, answer, "expires_in")
			case "string_expires_in":
				assert.Equal(t, "3600", answer["expires_in"])
			case "no_access_token":
				assert.NotContains(t, answer, "access_token")
				assert.NotEmpty(t, answer["refresh_token"])
			case "no_refresh_token":
				assert.NotContains(t, answer, "refresh_token")
			}
			status, _ := refresh(t, hc, g, nil)
			assert.Equal(t, tc.spent, status != 200, "the refresh token afterwards: %d", status)
		})
	}
}

func TestFaultsOfTheBrowserLegAndOfMetadata(t *testing.T) {
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	begin := w.Info().Issuer + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {"lab"}, "redirect_uri": {"http://localhost:7/callback"}, "state": {"s"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier("v")}, "code_challenge_method": {"S256"},
	}.Encode()
	with := func(fault string) url.Values {
		require.NoError(t, w.Fault("auth:"+fault+"*1"))
		return authorize(t, hc, begin)
	}
	assert.Equal(t, "access_denied", with("deny").Get("error"))
	assert.Empty(t, with("no_iss")["iss"])
	assert.NotEqual(t, w.Info().Issuer, with("wrong_iss").Get("iss"))
	assert.NotEqual(t, "s", with("wrong_state").Get("state"))

	for fault, check := range map[string]func(status int, md map[string]any){
		"metadata_404":    func(status int, _ map[string]any) { assert.Equal(t, 404, status) },
		"metadata_html":   func(_ int, md map[string]any) { assert.Empty(t, md) },
		"wrong_issuer":    func(_ int, md map[string]any) { assert.NotEqual(t, w.Info().Issuer, md["issuer"]) },
		"no_pkce":         func(_ int, md map[string]any) { assert.NotContains(t, md, "code_challenge_methods_supported") },
		"no_registration": func(_ int, md map[string]any) { assert.NotContains(t, md, "registration_endpoint") },
	} {
		require.NoError(t, w.Fault("auth:"+fault+"*1"))
		resp := get(t, hc, w.Info().Issuer+"/.well-known/openid-configuration", "")
		check(resp.StatusCode, resp.json())
	}
	w.Clear()
	require.NoError(t, w.Fault("auth:no_registration"))
	assert.Equal(t, 404, post(t, hc, w.Info().Issuer+"/register", "", `{"redirect_uris":["https://a.example/"]}`).StatusCode)
	w.Clear()
	for _, issuer := range []string{w.Info().Issuer, w.Server("tasks").Issuer} {
		md, err := auth.GetAuthServerMetadata(t.Context(), issuer, hc)
		require.NoError(t, err)
		assert.Equal(t, issuer, md.Issuer)
	}
}

package mutants_test

// walk is the test that tries to get secrets and tokens to foreign hosts, at
// every entry of the catalogue.
const walk = "TestNoSecretReachesAHostThatIsNotItsOwn"

// ruleMutations each remove one rule on where secrets go. The walk must notice
// all of them.
var ruleMutations = []mutation{
	{
		name: "rule 1: any server is served by the catalogue's issuers", file: "oauthstore/connect/issuer.go",
		old:     "if named && !serves {",
		changed: "if serves = true; named && !serves {",
		pkg:     "./oauthstore/connect", run: walk,
		promise: "an issuer serves its own servers",
	},
	{
		name: "rule 2: application used at any issuer", file: "oauthstore/connect/app.go",
		old:     "\tif !a.names(issuerID) {\n\t\treturn false",
		changed: "\tif !a.names(issuerID) {\n\t\treturn true",
		pkg:     "./oauthstore/connect", run: walk,
		promise: "an application is bound to an issuer",
	},
	{
		name: "rule 2: application used for any server", file: "oauthstore/connect/app.go",
		old:     "\tlisted := a.lists(at.server)\n",
		changed: "\tif true {\n\t\treturn true\n\t}\n\tlisted := a.lists(at.server)\n",
		pkg:     "./oauthstore/connect", run: walk,
		promise: "an application is bound to servers",
	},
	{
		name: "rule 3: import's endpoints not checked", file: "oauthstore/connect/origin.go",
		old:     "if foreign && !t.InsecureEndpoints {",
		changed: "if false && foreign {",
		pkg:     "./oauthstore/connect", run: walk,
		promise: "a secret goes to endpoints that the issuer's metadata names",
	},
	{
		name: "rule 4: every client asks for an application's secret", file: "oauthstore/client.go",
		old:     "\tswitch p.Client {\n\tcase ClientApplication:\n",
		changed: "\tswitch ClientApplication {\n\tcase ClientApplication:\n",
		pkg:     "./oauthstore/connect", run: walk,
		promise: "the secret of an application serves no registered and no imported client",
	},
	{
		name: "rule 4: imported secret serves all owners", file: "oauthstore/client.go",
		old:     "\tif p.Client != ClientRegistered {\n\t\tid.Tenant",
		changed: "\tif false {\n\t\tid.Tenant",
		pkg:     "./oauthstore/connect", run: walk,
		promise: "an imported secret serves its owner",
	},
	{
		name: "rule 4: application's secret found by its id", file: "oauthstore/connect/app.go",
		old:     "app.ID == clientID && app.names(issuer) {",
		changed: "app.ID == clientID {",
		pkg:     "./oauthstore/connect", run: walk,
		promise: "an application's secret is found by issuer and id",
	},
	{
		name: "rule 5: provider known by its id", file: "oauthstore/connect/connector.go",
		old: "func spotOf(key oauthstore.Key, connector string) spot {\n",
		changed: "func spotOf(key oauthstore.Key, connector string) spot {\n\tif p, ok := providers.Lookup(key.Provider); ok {\n" +
			"\t\tif server, err := p.ServerURL(\"\"); err == nil {\n\t\t\tkey.Server = server\n\t\t}\n\t}\n",
		pkg: "./oauthstore/connect", run: walk,
		promise: "a provider is its data, not its id",
	},
	{
		name: "rule 6: host parameter of any form", file: "providers/serverurl.go",
		old:     "\tif x.Pattern == \"\" {\n\t\treturn true",
		changed: "\tif true {\n\t\treturn true",
		pkg:     "./oauthstore/connect", run: walk,
		promise: "a host parameter fixes the domain",
	},
	{
		name: "rule 7: token of another server used", file: "mcptools/verify.go",
		old:     `case p.Resource != "" && key.Server != ""`,
		changed: `case false && p.Resource != "" && key.Server != ""`,
		pkg:     "./oauthstore/connect", run: walk,
		promise: "a token is presented to the server that it was obtained for",
	},
	{
		name: "rule 7: token presented over http", file: "providers/serverurl.go",
		old:     `case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):`,
		changed: `case u.Scheme != "https" && u.Scheme != "http":`,
		pkg:     "./oauthstore/connect", run: walk,
		promise: "a token is presented over https",
	},
	{
		name: "rule 7: token presented after a redirect", file: "internal/mcpprobe/recorder.go",
		old:     "CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },",
		changed: "CheckRedirect: nil,",
		pkg:     "./oauthstore/connect", run: walk,
		promise: "a token is not presented after a redirect",
	},
	{
		name: "rule 7: token presented to another host after a redirect", file: "internal/mcpprobe/recorder.go",
		old: "CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },\n\t}\n}\n\n" +
			"// RoundTrip implements [http.RoundTripper].\nfunc (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {\n\tif ",
		changed: "CheckRedirect: nil,\n\t}\n}\n\nfunc (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {\n\tif false && ",
		pkg:     "./oauthstore/connect", run: walk,
		promise: "a token is not presented after a redirect",
	},
	{
		name: "rule 8: tokens not recognized", file: "providers/token.go",
		old:     "\tif !ok || taken && r.JWT == nil {\n",
		changed: "\tif true || !ok || taken && r.JWT == nil {\n",
		pkg:     "./oauthstore/connect", run: walk,
		promise: "a token of another vendor is not sent to find out",
	},
	{
		name: "rule 8: key of an AI platform sent to a custom server", file: "providers/token.go",
		old:     `case p.Vendor == "" && (r.Certainty == Certain || r.Kind == kindAIKey):`,
		changed: `case false:`,
		pkg:     "./oauthstore/connect", run: walk,
		promise: "a key of an AI platform is not sent to find out",
	},
}

package mutants_test

// replayMutations change a fact of a record, or how package connect uses one, so
// that the replay of a server fails.
var replayMutations = []mutation{
	{
		name: "slash after Stripe's issuer", file: "providers/data_money.go",
		old:     `Issuer:                "https://access.stripe.com/mcp",`,
		changed: `Issuer:                "https://access.stripe.com/mcp/",`,
		pkg:     "./oauthstore/connect", run: "TestReplays",
		promise: "an issuer with a path has no slash too many",
	},
	{
		name: "Entra is taken to advertise PKCE", file: "providers/data_microsoft.go",
		old:     "o.InsecureNoPKCEMetadata, o.NoResource, o.RefreshScopes = true, true, true",
		changed: "o.InsecureNoPKCEMetadata, o.NoResource, o.RefreshScopes = false, true, true",
		pkg:     "./oauthstore/connect", run: "TestReplays",
		promise: "servers of Entra can be connected",
	},
	{
		name: "no refresh token from Google", file: "providers/data_google.go",
		old:     `map[string]string{"access_type": "offline", "prompt": "consent"}`,
		changed: `map[string]string{"prompt": "consent"}`,
		pkg:     "./oauthstore/connect", run: "TestReplays",
		promise: "a consent asks for a refresh token in the vendor's way",
	},
	{
		name: "endpoints of the data used for another tenant", file: "oauthstore/connect/discover.go",
		old:     "if errors.Is(err, oauth.ErrNoMetadata) && !slices.ContainsFunc(issuers",
		changed: "if false && !slices.ContainsFunc(issuers",
		pkg:     "./oauthstore/connect", run: "TestAnApplicationIsUsedWhereItBelongs",
		promise: "a server that lists another tenant's issuer is not connected",
	},
	{
		name: "connector asked like a server", file: "oauthstore/connect/discover.go",
		old:     `!known.Pinned && s.key.Server != ""`,
		changed: "!known.Pinned",
		pkg:     "./oauthstore/connect", run: "TestReplays",
		promise: "OpenAI's connectors can be connected",
	},
	{
		name: "revocation endpoint of the data ignored", file: "oauthstore/connect/discover.go",
		old:     `if p.Server.RevocationEndpoint == "" && issuer.Same`,
		changed: `if false && issuer.Same`,
		pkg:     "./oauthstore/connect", run: "TestDataHasTheRevocationEndpointThatMetadataLacks",
		promise: "disconnect revokes at HubSpot, whose metadata has no endpoint for it",
	},
	{
		name: "paused vendor tried", file: "oauthstore/connect/client.go",
		old:     "case s.way.Registration == providers.RegistrationPaused:",
		changed: "case false:",
		pkg:     "./oauthstore/connect", run: "TestAdmissionIsKnownBeforeAnyRequest",
		promise: "connect says that a vendor admits no one before it tries",
	},
	{
		name: "drift forgives a slash that connect does not", file: "mcptools/doctor/drift.go",
		old:     "if issuer.Same(i, p.OAuth.Issuer) {",
		changed: `if strings.TrimSuffix(i, "/") == strings.TrimSuffix(p.OAuth.Issuer, "/") {`,
		pkg:     "./mcptools/doctor", run: "TestDriftForgivesNothingThatConnectDoesNot",
		promise: "the catalogue's check and connect compare issuers alike",
	},
}

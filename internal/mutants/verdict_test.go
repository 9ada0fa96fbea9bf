package mutants_test

// verdictMutations break what is said of a server and a token.
var verdictMutations = []mutation{
	{
		name: "made-up token verified by an open list", file: "internal/mcpprobe/probe.go",
		old:     "(r.Anonymous || listsForAnyone(ctx, hc, r, header, u, timeout, left, res))",
		changed: "r.Anonymous",
		pkg:     "./internal/mcpprobe", run: "TestServerThatListsForAnyoneProvesNothing",
		promise: "a server that lists for anyone proves nothing",
	},
	{
		name: "server's reason ignored", file: "internal/mcpprobe/said.go",
		old:     "\t\tfound = r.reason\n",
		changed: "",
		pkg:     "./internal/mcpprobe", run: "TestReasonIsTheServersOwn",
		promise: "expired, revoked, unknown key and audience are different reasons",
	},
	{
		name: "several reasons taken for one", file: "internal/mcpprobe/said.go",
		old:     "if saysSeveral.MatchString(text) {",
		changed: "if false {",
		pkg:     "./internal/mcpprobe", run: "TestReasonIsTheServersOwn",
		promise: "a sentence with several reasons names none",
	},
	{
		name: "Unauthorized in a 200 ignored", file: "internal/mcpprobe/verdict.go",
		old:     "case f.rpc != 0 && x.status/100 == 2 && ",
		changed: "case false && ",
		pkg:     "./internal/mcpprobe", run: "TestReasonIsTheServersOwn",
		promise: "a JSON-RPC error about the credential is a rejection",
	},
	{
		name: "older version not tried", file: "internal/mcpprobe/probe.go",
		old:     "if ctx.Err() == nil && f.rejectsVersion() {",
		changed: "if false {",
		pkg:     "./internal/mcpprobe", run: "TestServerOfAnOlderVersionIsAskedInThatVersion",
		promise: "initialize is tried with an older version after a 400",
	},
	{
		name: "page calls any connection ready", file: "oauthstore/connect/finish.go",
		old:     "return v.Outcome == oauthstore.OutcomeUnknown && v.Detail != \"\"",
		changed: "return false",
		pkg:     "./oauthstore/connect", run: "TestPageSaysThatAConnectionIsNotVerified|TestResultWarnsOfATokenThatIsNotVerified",
		promise: "a connection that is not verified says so",
	},
	{
		name: "rejection that a refresh may resolve forgotten", file: "oauthstore/connect/commit.go",
		old:     "if v.Outcome == oauthstore.OutcomeRefused && st.Verdict.Outcome == oauthstore.OutcomeUnknown {",
		changed: "if false {",
		pkg:     "./oauthstore/connect", run: "TestResultWarnsOfATokenThatIsNotVerified",
		promise: "a rejected token is not called connected",
	},
	{
		name: "connect recommended where it fails", file: "mcptools/doctor/consent.go",
		old:     "case e.consent != ConsentImpossible && e.consent != ConsentNotNeeded:",
		changed: "case true:",
		pkg:     "./cmd/toolgrant", run: "TestDoctorsAdviceFixesOrSaysThatItCannot",
		promise: "connect is not recommended where a consent can't begin",
	},
	{
		name: "registration not checked", file: "oauthstore/connect/check.go",
		old:     "oauth.CheckRegistration(ctx, c.http, want.Endpoint)",
		changed: "func() error { _ = oauth.ErrNoPKCE; return nil }()",
		pkg:     "./oauthstore/connect", run: "TestCheckAgreesWithBegin",
		promise: "doctor and connect agree on a closed registration",
	},
	{
		name: "flags left out of suggested commands", file: "cmd/toolgrant/again.go",
		old:     "if g.given(f.name) {",
		changed: "if false {",
		pkg:     "./cmd/toolgrant", run: "TestSuggestedCommandsAreQuotedAndRepeatTheFlags",
		promise: "suggested commands work as they are printed",
	},
	{
		name: "accepted token outranked by a hypothesis", file: "mcptools/doctor/hypotheses.go",
		old:     "\tcase e.accepted(), e.anyone:\n\t\treturn RuledOut, \"The URL is an MCP endpoint.\"\n",
		changed: "\tcase e.answer.SSE:\n\t\treturn Confirmed, \"The URL is not an MCP endpoint.\"\n",
		pkg:     "./cmd/toolgrant", run: "TestDoctorsAdviceFixesOrSaysThatItCannot",
		promise: "an accepted probe outranks a hypothesis",
	},
}

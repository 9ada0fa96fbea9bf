package mutants_test

// failureMutations break what is said of a failure that was read from text.
var failureMutations = []mutation{
	{
		name: "report of a failed run repeated", file: "internal/failtext/run.go",
		old:     "return runID.MatchString(str(o, \"id\")) || runStatus.MatchString(str(o, \"status\"))",
		changed: "return false",
		pkg:     "./mcptools", run: "TestEveryFixtureIsClassifiedInEveryField",
		promise: "retryable is never true for a bare report of a run that failed",
	},
	{
		name: "failed run in a log line repeated", file: "internal/failtext/log.go",
		old:     "r.ended = r.ended || runInText(head, lower)",
		changed: "r.ended = r.ended || false",
		pkg:     "./mcptools", run: "TestEveryFixtureIsClassifiedInEveryField",
		promise: "retryable is never true for a run that failed, whatever the text says",
	},
	{
		name: "call beside an error not seen", file: "internal/failtext/object.go",
		old:     "\t\tr.callsWithin(o)\n",
		changed: "",
		pkg:     "./mcptools", run: "TestEveryFixtureIsClassifiedInEveryField",
		promise: "retryable is never true once a tool may have run",
	},
	{
		name: "call taken for the list", file: "internal/failtext/body.go",
		old:     "if toolWasCalled.MatchString(words) {",
		changed: "if false {",
		pkg:     "./mcptools", run: "TestEveryFixtureIsClassifiedInEveryField",
		promise: "a call that failed is not repeated",
	},
	{
		name: "refused address retried", file: "internal/failtext/entry.go",
		old:     "if inTools || e.ofServer() || about {",
		changed: "if false && (inTools || about) {",
		pkg:     "./mcptools", run: "TestEveryFixtureIsClassifiedInEveryField",
		promise: "an entry that is refused for its address is not sent again",
	},
	{
		name: "certificate retried", file: "internal/failtext/cause.go",
		old:     "\t{KindUnreachable, failedTLS},\n",
		changed: "",
		pkg:     "./mcptools", run: "TestEveryFixtureIsClassifiedInEveryField",
		promise: "a failure of TLS does not pass by itself",
	},
	{
		name: "log line about a server taken for a failure", file: "internal/failtext/statement.go",
		old:     "if f.score < scoreFailed && label+url == \"\" {",
		changed: "if false {",
		pkg:     "./internal/failtext", run: "TestOrdinaryTextsNeverGetAKindOfMCP",
		promise: "ordinary log lines report no failure of MCP",
	},
}

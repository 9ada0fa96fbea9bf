package mutants_test

// relayMutations accept false tickets, send a token or a request where it must not
// go, or let a stream run on.
var relayMutations = []mutation{
	{
		name: "streams beyond their tickets", file: "mcptools/relay/exchange.go",
		old:     "context.WithDeadlineCause(ctx, x.ticket.expiry(), errTicket)",
		changed: "context.WithDeadlineCause(ctx, x.ticket.expiry().Add(time.Hour), errTicket)",
		pkg:     "./mcptools/relay", run: "TestStreamEndsWithItsTicket",
		promise: "a running stream ends with its ticket, without leeway",
	},
	{
		name: "tickets at any path", file: "mcptools/relay/exchange.go",
		old:     "case t.path() != path:",
		changed: "case t.path() == \"\" && path == \"\":",
		pkg:     "./mcptools/relay", run: "TestNoneOf100000FalseTicketsIsAccepted",
		promise: "a ticket works at the path of its credential only",
	},
	{
		name: "tickets in other spellings", file: "mcptools/relay/ticket.go",
		old:     "base64.RawURLEncoding.Strict().DecodeString(text)",
		changed: "base64.RawURLEncoding.DecodeString(text)",
		pkg:     "./mcptools/relay", run: "TestNoneOf100000FalseTicketsIsAccepted",
		promise: "only the text that was given out is a ticket",
	},
	{
		name: "records as tickets", file: "mcptools/relay/session.go",
		old:     "key.Owner.Tenant, key.Owner.Subject, key.Provider, key.Account, key.Server, grant)",
		changed: "key.Provider, key.Account, key.Server)",
		pkg:     "./mcptools/relay", run: "TestSessionIsTheServersAndBelongsToItsCredential",
		promise: "a session belongs to one credential and grant",
	},
	{
		name: "grants from the cache", file: "oauthstore/handle.go",
		old:     "sn := s.cache.watched(key)",
		changed: "sn, _ := s.cache.get(key)",
		pkg:     "./oauthstore", run: "TestTheGrantIsReadUnlessWritesAreReported",
		promise: "without a watch, a disconnect elsewhere takes effect at the next request",
	},
	{
		name: "tickets of earlier grants", file: "mcptools/relay/exchange.go",
		old:     "if err == nil && grant != x.ticket.Grant {",
		changed: "if err == nil && grant == \"\" {",
		pkg:     "./mcptools/relay", run: "TestStreamEndsSoonAfterADisconnect",
		promise: "a ticket ends when its credential is connected again",
	},
	{
		name: "streams unchecked", file: "mcptools/relay/stream.go",
		old:     "\t\treturn s.recheck(ctx)\n",
		changed: "\t\treturn nil\n",
		pkg:     "./mcptools/relay", run: "TestStreamEndsSoonAfterADisconnect",
		promise: "an open stream ends soon after a disconnect",
	},
	{
		name: "requests sent again after a 403", file: "mcptools/relay/upstream.go",
		old:     "return resp.StatusCode == http.StatusUnauthorized && !insufficientScope(resp.Header)",
		changed: "return resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden",
		pkg:     "./mcptools/relay", run: "TestInsufficientScopeIsNotARefusalOfTheToken",
		promise: "a missing scope refreshes nothing",
	},
	{
		name: "interim responses passed on", file: "mcptools/relay/writer.go",
		old:     "if status < http.StatusOK || w.status != 0 {",
		changed: "if status < http.StatusOK {\n\t\tw.ResponseWriter.WriteHeader(status)\n\t\treturn\n\t}\n\tif w.status != 0 {",
		pkg:     "./mcptools/relay", run: "TestOnlyHeadersOfMCPReachTheClient",
		promise: "no header of the server's choice reaches the client",
	},
	{
		name: "trailers passed on", file: "mcptools/relay/upstream.go",
		old:     "\treturn &copied, nil\n",
		changed: "\t*resp = copied\n\treturn resp, nil\n",
		pkg:     "./mcptools/relay", run: "TestOnlyHeadersOfMCPReachTheClient",
		promise: "no trailer of the server reaches the client",
	},
	{
		name: "no deadline for a slow reader", file: "mcptools/relay/writer.go",
		old:     "_ = w.control.SetWriteDeadline(time.Now().Add(writeTimeout))",
		changed: "_ = writeTimeout",
		pkg:     "./mcptools/relay", run: "TestSlowReaderHoldsTheServerBackAndIsCutOff",
		promise: "a client that does not read is cut off",
	},
	{
		name: "bodies longer than their limit", file: "mcptools/relay/memory.go",
		old:     "want := int(min(max(minBuffer, int64(size), 2*int64(cap(b.data))), b.max))",
		changed: "want := int(max(minBuffer, int64(size), 2*int64(cap(b.data))))",
		pkg:     "./mcptools/relay", run: "TestBodiesAreLimited",
		promise: "the limits of bodies are exact",
	},
	{
		name: "responses with the token", file: "mcptools/relay/response.go",
		old:     "!x.leaks(b.data)",
		changed: "true",
		pkg:     "./mcptools/relay", run: "TestResponsesOfTheServerBecomeAnswersThatMCPClientsUnderstand",
		promise: "a server that quotes the token does not show it to the platform",
	},
}

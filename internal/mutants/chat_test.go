package mutants_test

// chatMutations break the conversations of browsers, and the links to a consent.
var chatMutations = []mutation{
	{
		name: "turn begun without a claim", file: "mcptools/session/sessionhttp/turn.go",
		old:     "\terr := c.put(ctx, version, doc)\n\tif errors.Is(err, ErrConflict) {\n\t\treturn busy\n\t}\n",
		changed: "\terr := c.put(ctx, version, doc)\n\tif errors.Is(err, ErrConflict) {\n\t\terr = nil\n\t}\n",
		pkg:     "./mcptools/session/sessionhttp", run: "TestOneOfTwoReplicasRunsATurn",
		promise: "one replica runs a turn",
	},
	{
		name: "turn of another process overtaken", file: "mcptools/session/sessionhttp/turn.go",
		old:     "\truns := time.Now().Before(c.doc.Until)\n",
		changed: "\truns := false\n",
		pkg:     "./mcptools/session/sessionhttp", run: "TestAKilledProcessLeavesTheConversationAndAWord",
		promise: "no turn begins while another process may run one",
	},
	{
		name: "event sent twice", file: "mcptools/session/sessionhttp/conversation.go",
		old:     "range c.log[k.next-first:] {",
		changed: "range c.log[max(0, k.next-first-1):] {",
		pkg:     "./mcptools/session/sessionhttp", run: "TestAReconnectGetsExactlyWhatItMissed|TestEveryOrderOfRequestsLeavesAConversation",
		promise: "a browser gets each event once",
	},
	{
		name: "gap left out", file: "mcptools/session/sessionhttp/conversation.go",
		old:     "\tif k.epoch != c.epoch || k.next < first || k.next > c.next {\n",
		changed: "\tif k.next < first && k.epoch == c.epoch {\n\t\tk.next = first\n\t}\n\tif k.epoch != c.epoch || k.next > c.next {\n",
		pkg:     "./mcptools/session/sessionhttp", run: "TestABrowserThatMissedTooMuchGetsTheState",
		promise: "a browser that missed too much gets the state",
	},
	{
		name: "turn without listeners kept", file: "mcptools/session/sessionhttp/handler.go",
		old:     "\t\tc.cancel(errAbandoned) // its end comes back here\n",
		changed: "",
		pkg:     "./mcptools/session/sessionhttp", run: "TestATurnIsAbandonedWhenNoBrowserListens",
		promise: "a turn without listeners ends",
	},
	{
		name: "post of another site taken", file: "mcptools/session/sessionhttp/handler.go",
		old:     "\t\tif err := h.opts.CrossOrigin.Check(r); err != nil {",
		changed: "\t\tif err := h.opts.CrossOrigin.Check(r); err != nil && false {",
		pkg:     "./mcptools/session/sessionhttp", run: "TestRequestsThatAreNotTheUsersAreRejected",
		promise: "only the site itself posts",
	},
	{
		name: "stream kept after a sign-out", file: "mcptools/session/sessionhttp/stream.go",
		old:     "err != nil || owner != c.owner {",
		changed: "err == nil && owner != c.owner {",
		pkg:     "./mcptools/session/sessionhttp", run: "TestStreamsAreKeptAliveWhileTheUserIsSignedIn",
		promise: "a stream ends when the user signs out",
	},
	{
		name: "stream cut by the server's time-out", file: "mcptools/session/sessionhttp/stream.go",
		old:     "if err := o.control.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil",
		changed: "if err := error(nil); err != nil",
		pkg:     "./mcptools/session/sessionhttp", run: "TestTheServersWriteTimeoutDoesNotEndAStream",
		promise: "the server's time-out does not end a stream",
	},
	{
		name: "end of a turn lost in an outage", file: "mcptools/session/sessionhttp/turn.go",
		old:     "\t\tif err == nil || errors.Is(err, ErrConflict) {\n",
		changed: "\t\tif true {\n",
		pkg:     "./mcptools/session/sessionhttp", run: "TestTheEndOfATurnOutlastsAnOutageOfTheStore",
		promise: "a short outage of the store loses no turn",
	},
	{
		name: "link to a consent missing", file: "mcptools/builder.go",
		old:     "\t\tf.askForConsent(opts.consentURL(m.key))\n",
		changed: "",
		pkg:     "./mcptools", run: "TestRefusalsThatTheOwnerCanFixCarryTheLink",
		promise: "failures that the owner can fix link to the page",
	},
	{
		name: "script as a link to a consent", file: "mcptools/consent.go",
		old:     "; isPage(page) {",
		changed: "; page != \"\" || isPage(page) {",
		pkg:     "./mcptools", run: "TestUnsafeLinksAreDropped",
		promise: "links to a consent are safe in a page",
	},
}

package soak_test

var racesFaults = []fault{
	{"many goroutines find an expired token", "one of them sends the refresh, all get its result, and each stops waiting when its own context ends", []string{
		"oauthstore TestTenThousandCallersAtExpiryCauseOneRefresh",
	}},
	{"many processes find an expired token, at a server that revokes a grant whose refresh token is reused", "the record itself is the lease: one process refreshes, the others adopt its result", []string{
		"internal/soak/fleet TestManyProcessesAtExpirySendOneRefresh",
		"internal/soak/fleet TestControlWithoutThisLibraryLosesTheCredential",
		"internal/soak/fleet TestProcessDeathDuringARefreshLosesOnlyUnsavedTokens",
	}},
	{"the loser of a race is rejected because another process won", "the record is read again, and the winner's pair is adopted", []string{
		"oauthstore TestTheLoserOfARaceAdoptsTheWinnersPair",
	}},
	{"the loser overwrites the winner's write", "every write and delete compares the version that it replaces", []string{
		"oauthstore TestNothingIsLostWhateverTheOrder",
		"oauthstore/sqlitestore TestBackend",
		"oauthstore/filestore TestBackend",
		"oauthstore/pgstore TestBackend",
		"oauthstore/redisstore TestBackend",
	}},
	{"a crash before the request", "the intent expires by the store's clock, and another process takes over", []string{
		"internal/soak/fleet TestProcessDeathDuringARefreshLosesOnlyUnsavedTokens/before the server has the request",
		"oauthstore TestAnIntentWhoseOwnerDiedIsTakenOver",
	}},
	{"a crash after the response and before it is saved", "the record says that the result is unknown: the access token is served to its end, then the refresh token is tried once", []string{
		"internal/soak/fleet TestProcessDeathDuringARefreshLosesOnlyUnsavedTokens/before the response is received",
		"oauthstore TestALostAnswerIsReplayedOnceTheAccessTokenHasEnded",
	}},
	{"the caller cancels during the request", "the refresh goes on and its result is saved", []string{
		"oauthstore TestACanceledCallerDoesNotLoseTheRotation",
	}},
	{"a process is stopped for longer than its lease", "a process checks what is left of its lease before it sends, and commits only in place of the version that it claimed", []string{
		"internal/soak/fleet TestProcessDeathDuringARefreshLosesOnlyUnsavedTokens/stopped ",
		"oauthstore TestALeaseThatIsTooShortByTheRequestIsGivenUp",
		"oauthstore TestAPairIsProvedWheneverTheLateRequestArrives",
		"oauthstore TestAProcessThatWasStoppedWhileItReadSendsNothingBesideOthers",
		"oauthstore TestOthersComeBetweenRequestAndCommit/the refresh token is used a second time, which ends the grant: our pair is not handed out, and a lost rotation reported",
	}},
	{"the store is down at a read", "a cached token is served until it expires; then a temporary error, never \"connect again\"", []string{
		"oauthstore TestAStoreThatIsDown/at the read: the cached token is served to its end",
	}},
	{"the store is down at the intent", "nothing is sent; a valid token is served meanwhile", []string{
		"internal/soak/fleet TestStoreOutageDuringARefreshLosesNothing/before the intent",
		"internal/soak/fleet TestStoreOutageDuringARefreshLosesNothing/after the intent, with the response lost",
		"oauthstore TestAStoreThatIsDown/at the intent: nothing is sent",
	}},
	{"the store is down at the commit", "the pair is served from memory and saved with retries, and from the journal after a crash if there is one", []string{
		"internal/soak/fleet TestStoreOutageDuringARefreshLosesNothing/between the writes",
		"internal/soak/fleet TestStoreOutageDuringARefreshLosesNothing/before the commit",
		"oauthstore TestAStoreThatIsDown/at the commit and at the end of the process: the journal has it",
	}},
	{"the result of the commit is unknown", "the record is read again, and an own pair is recognized", []string{
		"internal/soak/fleet TestStoreOutageDuringARefreshLosesNothing/after the commit, with the response lost",
		"oauthstore TestAPutWhoseAnswerIsLostIsFoundInTheStore",
		"oauthstore TestAStoreThatIsDown/whose answer to the commit is lost: the pair is recognised",
		"oauthstore/connect TestTokenThatMayBeStoredIsNotRevoked",
	}},
	{"the new tokens are unusable", "the pair is stored first and judged afterwards, so the refresh token is not lost", []string{
		"oauthstore TestAnUnusablePairIsStoredBeforeItIsVerified",
	}},
	{"another process serves a token that a refresh has revoked", "a report of a 401 leads to a read of the record before anything is refreshed", []string{
		"internal/soak TestNoReplicaReturnsATokenRevokedByARefreshElsewhere",
		"oauthstore TestReject",
	}},
	{"many users' tokens expire at once, or an outage ends", "requests to one authorization server are limited and spread, and a failing server gets one at a time", []string{
		"oauthstore TestAStormOfUsersIsLetThroughInTurn",
		"oauthstore TestAFailingServerIsNotAsked",
		"internal/soak/fleet TestAllProcessesApplyTheResponseOfOne",
	}},
	{"credentials in a sweep that can't be refreshed", "each has its own pause, and does not keep others from being refreshed", []string{
		"oauthstore TestPoisonCredentialsDoNotStarveASweep",
	}},
	{"a disconnect during a refresh", "the commit fails and the new tokens are revoked", []string{
		"internal/soak/fleet TestLateRefreshChangesNothing",
		"oauthstore TestAPairIsNotServedWhileItIsRevoked",
		"oauthstore TestAShortTokenIsNotServedAfterADisconnectDuringItsRefresh",
		"oauthstore TestOthersComeBetweenRequestAndCommit/a disconnect: what we got is revoked",
	}},
	{"a reconnect during a refresh", "the reconnect wins, and the late tokens are dropped", []string{
		"internal/soak/fleet TestLateRefreshChangesNothing",
		"oauthstore TestOthersComeBetweenRequestAndCommit/a reconnect: the new grant stands and nothing is revoked",
	}},
	{"the process ends during a refresh", "Close waits for refreshes whose request was sent, and saves their results", []string{
		"internal/soak/fleet TestInterruptedProcessSavesTheResponse",
		"internal/soak/fleet TestReturnedTokensAreSaved",
		"oauthstore TestNothingIsSentAfterCloseStarts",
	}},
	{"two releases share a store", "an unknown format is an error, and the record is not overwritten", []string{
		"oauthstore TestARecordOfAnotherFormatIsRefused",
	}},
}

var stressFaults = []fault{
	{"a token endpoint that answers after 11 seconds", "PostTimeout covers the first byte too", []string{
		"internal/safehttp TestFirstByteHasTheWholeTimeout",
		"oauthstore TestASlowTokenEndpointHasTheWholePostTimeout",
	}},
	{"a cached token that is shorter than required", "RequireTTL is checked at each call", []string{
		"oauthstore TestRequireTTLRefusesAShortTokenEachTime",
	}},
	{"a server that refuses accepted tokens, for good or in an outage", "after half an hour the refusals count; meanwhile one credential at a time is verified", []string{
		"oauthstore TestAPermanentRefusalIsReportedAfterAWhile",
		"oauthstore TestAnOutageThatAnswers401LogsNoUserOut",
		"oauthstore TestOneCredentialAtATimeFindsOutWhetherAnOutageHasEnded",
	}},
	{"a watch whose process has no connection left", "every wait of a watch is bounded by its own proof", []string{
		"oauthstore/pgstore TestAnExhaustedPoolDoesNotStopAWatch",
		"oauthstore/redisstore TestAnExhaustedPoolDoesNotStopAWatch",
		"oauthstore/pgstore TestAWatchWaitsForItsConnectionNoLongerThanForAProof",
	}},
	{"an MCP server that hangs after a report", "an unknown verdict pauses the questions, and the old token is served", []string{
		"oauthstore TestAServerThatHangsAfterARejectStallsOneCallAMinute",
	}},
	{"the keyset is lost", "registrations and clients that do not open are replaced", []string{
		"oauthstore/connect TestAfterTheLossOfTheKeysUsersConnectAgain",
	}},
	{"failures that no caller meets", "each is an event at once and every ten minutes, and in Store.Health", []string{
		"oauthstore TestALostWatchIsReportedNowAndThen",
		"oauthstore TestAFailingClientsIsAskedNowAndThenAndReported",
		"oauthstore TestAFailedRevocationIsTriedAgainAndReported",
		"oauthstore TestAnIssuerThatFailsIsReportedOnceAndWhenItRecovers",
		"oauthstore TestAnOutageOfRefusalsIsReportedOnce",
		"oauthstore TestHealthSaysWhatIsWrong",
		"oauthstore/storeotel TestGaugesReportTheHealthOfAStore",
	}},
	{"a disconnect while the database is down", "the unsaved pair is kept until the disconnect is stored", []string{
		"oauthstore TestAFailedDisconnectKeepsTheUnsavedPair",
	}},
	{"a claim whose answer is lost", "a process recognizes its own intent, and takes it over", []string{
		"oauthstore TestAClaimWhoseAnswerIsLostIsTheProcesssOwn/at the next call",
		"oauthstore TestAClaimWhoseAnswerIsLostIsTheProcesssOwn/and a refusal after it is no lost rotation",
		"oauthstore TestAnUnrecordedFailureThatSpentNothingIsNotALostRotation",
	}},
	{"a damaged record", "it is reported and skipped; nothing else stops", []string{
		"oauthstore TestADamagedRecordStopsNothing/in a file",
		"oauthstore/memstore TestMemory",
		"oauthstore/filestore TestBackend",
		"oauthstore/sqlitestore TestBackend",
		"oauthstore/pgstore TestBackend",
		"oauthstore/redisstore TestBackend",
	}},
	{"a slow authorization server in a sweep", "authorization servers take turns", []string{
		"oauthstore TestASweepDoesNotWaitForASlowServerWithTheOthers",
		"oauthstore TestAFullSweepQueueStillTakesOtherIssuers",
	}},
	{"a report about a static key, without a verifier", "it blocks for minutes, not for ever", []string{
		"oauthstore TestAStaticKeyWithoutAVerifierIsServedAgainAfterAReport",
	}},
	{"issuers, clients and pages that pile up", "gates are freed, unused clients are purged, pages need no sort", []string{
		"oauthstore TestGatesOfIssuersThatFailedAreFreed",
		"oauthstore TestASavedClientIsKeptWhileItIsUsed",
		"oauthstore/sqlitestore TestNoPageSortsAllMatches",
	}},
	{"an owner whose parts were forgotten", "it is an error; all owners have a method of their own", []string{
		"oauthstore TestAnOwnerWithoutItsPartsIsInvalid",
	}},
	{"an MCP server that answers 401 to every user at the same moment", "a few refresh tokens are spent, and few users are logged out", []string{
		"oauthstore TestAnOutageSeenByManyUsersAtOnceSpendsFewRefreshTokens", "oauthstore TestRevokedTokensOfManyUsersAreReplaced",
	}},
	{"a refusal that is reported after the token was replaced", "it does not reject the newer pair", []string{
		"oauthstore TestARefusalFromBeforeThePairWasIssuedOrAcceptedIsIgnored", "oauthstore TestAnOldRefusalIsAskedAbout",
	}},
	{"more writes than PostgreSQL commits with notifications", "writes share a commit; a locked or failing one delays and fails no other", []string{
		"oauthstore/pgstore TestWritesAtTheSameTimeShareAStatement", "oauthstore/pgstore TestALockedRecordDelaysNoOther",
		"oauthstore/pgstore TestAWriteThatFailsFailsNoOther",
	}},
	{"a process that is stopped while the store answers", "an expired token is not served", []string{
		"oauthstore TestAnExpiredTokenIsNotServedAfterASlowRead",
	}},
	{"a store that is back before a lease expires", "the new pair is saved at once", []string{
		"oauthstore TestAPairIsSavedAsSoonAsTheBackendIsBack",
	}},
	{"all of these at random, with keys that rotate", "only pairs that no process received are lost, and all are reported", []string{
		"internal/soak/fleet TestAStormLosesNothingThatWasReceived",
	}},
}

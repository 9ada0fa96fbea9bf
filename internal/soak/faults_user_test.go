package soak_test

var browserFaults = []fault{
	{"a state that is used twice", "it is good for one callback and ten minutes, and stored as a digest", []string{
		"oauthstore/connect TestTheFourRefusalsOfACallback/a state that was used is refused, and nothing is exchanged twice",
		"oauthstore/connect TestTheFourRefusalsOfACallback/an expired consent is refused",
		"oauthstore/connect TestOfManyCallbacksAtOnceOneExchanges",
	}},
	{"a callback in another browser or session", "it is refused: a consent is bound to a cookie and to the user", []string{
		"oauthstore/connect TestTheFourRefusalsOfACallback/another browser is refused, and the right one still finishes",
		"oauthstore/connect TestTheFourRefusalsOfACallback/another owner is refused, and the right one still finishes",
		"oauthstore/connect TestAnotherSiteCanNotBegin",
	}},
	{"an injected code", "PKCE with S256; the verifier is sealed", []string{
		"oauthstore/connect TestResourceAndVerifierAreInBothRequests",
		"internal/oauth TestPKCEWithS256IsRequired",
		"oauthstore/connect TestTakenFlowHoldsNoSecret",
	}},
	{"a mix-up of authorization servers", "the issuer in the callback is compared, and the code goes to the issuer of the consent only", []string{
		"internal/oauth TestIssuerOfACallbackIsChecked",
		"oauthstore/connect TestIssuersAreComparedAsRFC9207HasIt",
		"oauthstore/connect TestIssIsCheckedOnErrorsToo",
	}},
	{"the callback page is loaded twice", "the second load shows the result of the first", []string{
		"oauthstore/connect TestOfTwoCallbacksThatHaveBothReadTheFlowOneExchanges",
		"oauthstore/connect TestRefusalsOfACallbackArePages",
	}},
	{"the response to a code is lost", "the code is not sent again; the user starts again", []string{
		"oauthstore/connect TestACodeWhoseAnswerIsLostIsNotSentAgain",
		"oauthstore/connect TestACodeThatWasNotSentMayBeSentAgain",
	}},
	{"the user or the server says no", "a typed error; the server's text is shortened and escaped", []string{
		"oauthstore/connect TestARefusedConsentIsReported",
		"internal/oauth TestResponsesWithoutATokenAreClassified/61 a description with markup and control characters",
		"oauthstore/connect TestAPageShowsNoHiddenCharactersOfAServer",
	}},
	{"a return address elsewhere", "relative paths and listed origins only", []string{
		"oauthstore/connect TestABrowserReturnsToThisSiteOnly",
	}},
	{"a reconnect as another user of the provider", "a warning, where both tokens name their user", []string{
		"oauthstore/connect TestAReconnectAsAnotherUserIsSaid",
		"oauthstore/connect TestPageSaysThatAnotherUserSignedIn",
	}},
}

var secretsFaults = []fault{
	{"a sealed record in another row", "it does not open: rows are bound to each part of their id and to their purpose", []string{
		"oauthstore TestCiphertextIsBoundToEachPartOfItsRow",
		"oauthstore TestCiphertextOpensForItsPurposeOnly",
		"oauthstore TestCiphertextBelongsToItsRow",
	}},
	{"an older row is put back", "it opens only under the version that it was written with; a whole older state can't be detected, and the server then refuses its tokens", []string{
		"oauthstore TestAnOlderRowDoesNotOpenUnderALaterVersion",
		"oauthstore TestCiphertextIsBoundToEachPartOfItsRow",
	}},
	{"a key is lost", "records of that key are named with the key's id, all others work, and their users can connect again", []string{
		"oauthstore TestRecordsThatCanNotBeReadDoNotHideTheOthers",
		"oauthstore/connect TestAfterTheLossOfTheKeysUsersConnectAgain",
	}},
	{"keys are rotated", "running processes read the new keyset, Rewrap seals anew, and a key in use is not dropped", []string{
		"oauthstore TestKeyRotation",
		"oauthstore/keyset TestAKeyIsDroppedOnlyWhenNoProcessCanSealWithIt",
		"internal/soak/rotation TestFiftyProcessesRotateKeysWithoutLoss",
	}},
	{"a key service that is slow or down", "it is asked once for each change of the keyset, and never on the way of a request", []string{
		"oauthstore/keyset TestAKeysetUnderAKMSIsDecryptedOncePerChange",
		"oauthstore/keyset TestASourceThatHangsDelaysOneCallerForFiveSeconds",
		"oauthstore/keyset TestAKeysetThatCannotBeReadSealsUntilTheStaleLimit",
	}},
	{"secrets in logs, errors, panics, JSON", "no verb, encoder or log shows one", []string{
		"internal/canary TestNoExportedTypePrintsASecret",
		"internal/secret TestNoVerbPrintsASecret",
		"oauthstore TestNoSecretComesOut",
		"oauthstore/connect TestNothingOfAConsentIsSeenAnywhere",
		"mcptools TestNoOutputShowsAToken",
	}},
	{"a token in a URL", "it is refused", []string{
		"mcptools TestCredentialInTheURLIsRefused",
	}},
	{"a label or header that contains another header", "it is refused", []string{
		"mcptools TestLabels",
		"mcptools TestSecretThatIsNotAHeaderValueIsRefused",
		"mcptools TestEveryFaultIsReportedAtOnce",
	}},
	{"an owner that reads like another", "keys are structs, never joined texts", []string{
		"oauthstore TestOwnersAreIsolated",
		"oauthstore TestAnOwnerWithoutItsPartsIsInvalid",
	}},
	{"a token at another server than its own", "an entry is built only for the server that the token was obtained for", []string{
		"mcptools TestACredentialOfAnotherURLIsRefused",
		"mcptools TestTokensForAnotherServerAreRefusedWithoutARequest",
		"oauthstore/connect TestNoSecretReachesAHostThatIsNotItsOwn",
	}},
	{"a dump of the process's memory", "*does not apply*: Go moves and copies memory, so a library can't clear a secret", []string{}},
	{"the time that a comparison takes", "states are found by their digest; cookies and form tokens are compared in constant time", []string{
		"internal/oauth TestStateOfACallbackIsCheckedFirst",
		"oauthstore/connect TestFormTokenOfAnEmptyBindingBeginsNothing",
	}},
}

var clockFaults = []fault{
	{"the local clock jumps", "leases use the store's clock, and what is left of one is measured by the monotonic clock", []string{
		"oauthstore TestAClockThatIsSetBackDoesNotProlongALease",
	}},
	{"replicas whose clocks differ", "five minutes change nothing; more than 30 seconds beside an authorization server are reported", []string{
		"internal/soak/fleet TestClockSkewChangesNothing",
		"oauthstore TestAClockThatIsOffIsReported",
	}},
	{"a machine that sleeps", "expiry is checked by the wall clock at each use", []string{
		"oauthstore/keyset TestAMachineThatSleptReadsTheKeysetAgain",
		"internal/oauth TestExpiryIsOfTheWallClock",
	}},
	{"a slow response", "expires_in counts from the start of the request", []string{
		"oauthstore TestExpiresInCountsFromTheStartOfTheRequest",
	}},
}

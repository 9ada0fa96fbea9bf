package soak_test

var answersFaults = []fault{
	{"a response without a refresh token", "the old refresh token stays (RFC 6749 section 6)", []string{
		"internal/oauth TestSuccessfulResponsesAreParsedTolerantly/21 no refresh_token: the caller keeps its own",
		"internal/oauth TestSuccessfulResponsesAreParsedTolerantly/21 refresh_token null or empty is none",
	}},
	{"a response without expires_in", "the expiry of a JWT counts, else the provider's default, else the token is used until the server refuses it", []string{
		"internal/oauth TestSuccessfulResponsesAreParsedTolerantly/22 no expires_in: unknown, not forever",
		"oauthstore TestServersThatSayNothingOfTheEnd",
	}},
	{"expires_in as a string or with a fraction", "it is read", []string{
		"internal/oauth TestSuccessfulResponsesAreParsedTolerantly/23 expires_in as a text",
		"internal/oauth TestSuccessfulResponsesAreParsedTolerantly/23 expires_in with a fraction",
	}},
	{"a negative or absurd expires_in", "it is limited to between nothing and ten years, and a short life never leads to a loop of refreshes", []string{
		"internal/oauth TestSuccessfulResponsesAreParsedTolerantly/24 negative expires_in is expired",
		"internal/oauth TestSuccessfulResponsesAreParsedTolerantly/24 1e18 is ten years",
		"oauthstore TestAnAheadLongerThanATokensLifeDoesNotLoop",
	}},
	{"invalid_grant", "the user must connect again, after the record was read again; the access token is served to its end", []string{
		"internal/oauth TestResponsesWithoutATokenAreClassified/25 invalid_grant",
		"oauthstore TestOutcomes/invalid_grant: the user must connect again",
		"oauthstore TestADeadRefreshTokenLeavesTheAccessTokenToItsEnd",
	}},
	{"invalid_client", "the operator hears of it once for the client, and no user is asked to connect again", []string{
		"internal/oauth TestResponsesWithoutATokenAreClassified/26 invalid_client",
		"oauthstore TestOutcomes/invalid_client: the operator's alarm",
		"oauthstore TestARotatedClientSecretEndsTheHoldOff",
	}},
	{"invalid_scope or invalid_target", "one more request without the resource or with the requested scopes; what works is remembered", []string{
		"internal/oauth TestResponsesWithoutATokenAreClassified/27 invalid_scope",
		"internal/oauth TestResponsesWithoutATokenAreClassified/27 invalid_target",
		"oauthstore TestARejectedRefreshParameterIsRetriedOnce",
	}},
	{"a 4xx without an OAuth error, or a firewall's page", "it is temporary until five answers over at least half an hour confirm it, and longer if others fail too", []string{
		"internal/oauth TestResponsesWithoutATokenAreClassified/28 403 of a firewall",
		"oauthstore TestFirewallAnswersAreBelievedOnceConfirmed",
		"oauthstore TestFirewallAnswersToManyUsersLogNoUserOut",
	}},
	{"temporarily_unavailable, 500, 503", "it is temporary, and Retry-After is obeyed and part of the error", []string{
		"internal/oauth TestResponsesWithoutATokenAreClassified/29 temporarily_unavailable",
		"internal/oauth TestResponsesWithoutATokenAreClassified/29 503 with a date",
		"internal/oauth TestResponsesWithoutATokenAreClassified/29 Retry-After is capped",
		"oauthstore TestOutcomes/temporarily_unavailable: again soon",
	}},
	{"429 with Retry-After", "all users of the client at that server wait", []string{
		"internal/oauth TestResponsesWithoutATokenAreClassified/30 429",
		"oauthstore TestOutcomes/429 with Retry-After: obeyed",
		"oauthstore TestRetryAfterToSeveralDelaysAll",
	}},
	{"a page with 502 or 200", "a typed error; the refresh token may have been used, so it is not sent again at once", []string{
		"internal/oauth TestResponsesWithoutATokenAreClassified/31 502 with a page",
		"internal/oauth TestResponsesWithoutATokenAreClassified/31 200 with a page",
		"oauthstore TestOutcomes/502 with HTML: may have been spent",
	}},
	{"the connection ends after the request was sent", "the request is never repeated, and the result counts as unknown", []string{
		"internal/oauth TestLostResponseIsUnknownAndNotRetried/32 reset",
		"internal/oauth TestGrantsAreNotRetried",
		"oauthstore TestOutcomes/no answer after the request has left: may have been spent",
	}},
	{"the connection fails before the request is sent", "it may be tried again", []string{
		"internal/oauth TestUnreachableServerConsumedNothing/33 connection refused",
		"internal/oauth TestUnreachableServerConsumedNothing/33 TLS fails",
	}},
	{"a server that hangs", "the request ends at PostTimeout, which is shorter than the lease", []string{
		"internal/oauth TestHangingServerIsUnknownAtTheDeadline/34 before the header",
		"oauthstore TestALeaseMustOutliveTheRequest",
	}},
	{"a body that comes byte by byte", "the deadline covers the body", []string{
		"internal/oauth TestHangingServerIsUnknownAtTheDeadline/35 inside the body",
		"internal/safehttp TestSlowBodyEndsAtTheDeadline",
	}},
	{"a body or header without end", "it is cut off, and no response costs more than two mebibytes of memory", []string{
		"internal/oauth TestTokenResponsesCostAtMostTwoMebibytes",
		"internal/oauth TestEndlessResponseIsCutOff",
		"internal/oauth TestLostResponseIsUnknownAndNotRetried/36 an endless header",
	}},
	{"a compression bomb", "responses are not decompressed", []string{
		"internal/safehttp TestCompressedBodiesAreNotDecompressed",
	}},
	{"a token_type other than bearer", "the token is stored and not used, with an error that names the type", []string{
		"internal/oauth TestSuccessfulResponsesAreParsedTolerantly/38 token_type mac is stored and not used",
		"internal/oauth TestSuccessfulResponsesAreParsedTolerantly/38 token_type DPoP is stored and not used",
		"cmd/toolgrant TestARefreshThatReturnsAForeignTokenTypeIsUnsupportedAndNamesIt",
	}},
	{"an empty access token", "an error, and a refresh token in the response is saved", []string{
		"internal/oauth TestSuccessfulResponsesAreParsedTolerantly/39 empty access token: the refresh token is saved",
		"oauthstore TestAPairWithoutAnAccessTokenIsNotFollowedByTheNext",
	}},
	{"line breaks, spaces or letters beyond ASCII in a token", "the token is not used, in no header and in no entry", []string{
		"internal/oauth TestSuccessfulResponsesAreParsedTolerantly/40 CR and LF in the access token",
		"internal/oauth TestSuccessfulResponsesAreParsedTolerantly/40 NUL in the access token",
		"mcptools TestSecretThatIsNotAHeaderValueIsRefused",
		"oauthstore TestUnusableCredentialsAreNotStored",
	}},
	{"an error in a 200", "it is the error that it says", []string{
		"internal/oauth TestResponsesWithoutATokenAreClassified/41 an error in a 200",
		"internal/oauth TestResponsesWithoutATokenAreClassified/41 a provider's own code in a 200",
		"internal/oauth TestSuccessfulResponsesAreParsedTolerantly/41 token and error at once: stored and not used",
	}},
	{"duplicate members, a byte order mark, bytes after the object, a wrong Content-Type", "ambiguous JSON is refused, harmless deviations are read; form encoding needs the provider's data", []string{
		"internal/oauth TestResponsesWithoutATokenAreClassified/42 a duplicate member",
		"internal/oauth TestResponsesWithoutATokenAreClassified/42 bytes after the object",
		"internal/oauth TestSuccessfulResponsesAreParsedTolerantly/42 byte order mark",
		"internal/oauth TestFormEncodedResponseIsParsedIfAllowed",
	}},
	{"fewer scopes than before", "an event, once; status has both", []string{
		"internal/oauth TestSuccessfulResponsesAreParsedTolerantly/43 narrowed scope is returned, sorted",
		"oauthstore TestFewerScopesThanBeforeAreReportedOnce",
	}},
	{"a JWT for another audience", "it is not handed out", []string{
		"oauthstore TestARefreshedTokenForAnotherAudienceIsNotPresented",
		"oauthstore TestATokenForAnotherServerIsNeverHandedOut",
		"oauthstore/connect TestAForeignTokenIsNeitherKeptNorPresented",
	}},
}

var networkFaults = []fault{
	{"metadata that points to a private or metadata address", "no private address is dialed; nothing of the body is in an error", []string{
		"internal/safehttp TestPrivateAddressesAreBlocked",
		"internal/oauth TestUnreachableServerConsumedNothing/48 a private address",
		"internal/mcpprobe TestBlockedAddressIsNotReached",
	}},
	{"a token endpoint that redirects", "requests with a body are never redirected", []string{
		"internal/oauth TestRedirectOfTheTokenEndpointLeaksNothing",
		"internal/safehttp TestRequestWithABodyIsNeverRedirected",
		"internal/oauth TestRegistrationRedirectsAreNotFollowed",
		"internal/oauth TestRevocationIsNotRedirected",
	}},
	{"metadata that redirects to http, to an address, or too often", "it is refused", []string{
		"internal/safehttp TestThreeRedirectsAreFollowedButNotAFourth",
		"internal/safehttp TestRedirectTargetsAreChecked",
	}},
	{"metadata with another issuer, http endpoints, user names, fragments or scripts", "it is refused", []string{
		"internal/oauth TestEndpointsMustBeHTTPS",
		"internal/oauth TestInvalidIssuersAreRejected",
		"oauthstore/connect TestUnusableMetadataHasItsOwnSentence/another issuer",
	}},
	{"an authorization endpoint that a shell would run", "only https URLs are opened, without a shell", []string{
		"oauthstore/connect TestWhatMustEndAnAttempt/a script to browse",
		"internal/oauth TestInvalidAuthorizationRequestsAreRejected/javascript",
		"cmd/toolgrant TestConnectOpensTheBrowser",
	}},
	{"DNS rebinding, IPv4 in IPv6, NAT64, 6to4", "the address that is dialed is checked, in every notation", []string{
		"internal/safehttp TestPrivateAddressesAreBlocked/NAT64",
		"internal/safehttp TestPrivateAddressesAreBlocked/6to4",
		"internal/safehttp TestResolvedLoopbackNameOfAnotherAddressIsBlocked",
	}},
	{"a proxy in the environment", "it is ignored", []string{
		"internal/safehttp TestProxyOfTheEnvironmentIsIgnored",
	}},
	{"an authorization server that changes behind a credential", "endpoints are those of the consent; another issuer means a new consent", []string{
		"oauthstore/connect TestAMoveToAnotherAuthorizationServerIsANewRegistration",
		"oauthstore/connect TestImportOfAForeignIssuerIsNotRefreshedAtTheServersOwn",
		"cmd/toolgrant TestConnectPrintsTheIssuerAndRemembersIt",
	}},
	{"metadata of any size or depth", "it is limited to 256 KiB", []string{
		"internal/oauth TestMetadataIsLimitedTo256KiB",
		"internal/oauth FuzzServerMetadata",
		"internal/mcpprobe TestAHostileServerCostsOnlySoMuch",
	}},
	{"a slow server of one tenant", "each authorization server has its own limit, and sweeps take turns", []string{
		"oauthstore TestAGateAdmitsAsManyRequestsAsItsLimit",
		"oauthstore TestASweepDoesNotWaitForASlowServerWithTheOthers",
		"oauthstore TestAFailingRefreshDelaysNoOtherUser",
	}},
}

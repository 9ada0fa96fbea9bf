package soak_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reports are public bug reports on how real servers behave, as repository and
// number. The listed tests show what this module does there, as in faults.
var reports = []struct {
	server string // what it does
	source string
	shown  []string
}{
	// Consent and discovery.
	{"lists its issuer with a slash that its own document lacks, or the other way round", "github/copilot-cli#4606, python-sdk#1919", []string{
		"oauthstore/connect TestAnIssuerWithoutAPathIsTheSameWithASlash",
		"oauthstore/connect TestTheIssOfACallbackIsComparedByteForByte",
		"oauthstore/connect TestImportedEndpointsMustBeTheIssuersOwn/the issuer with a slash",
		"mcptools TestTokensForAnotherServerAreRefusedWithoutARequest/from the issuer with a slash",
		"cmd/toolgrant TestASlashAtTheEndOfAnIssuerDoesNotChangeIt",
	}},
	{"supports PKCE and does not advertise it", "claude-ai-mcp#786, #946", []string{
		"providers TestEveryServerOfEntraHasItsSwitches",
		"oauthstore/connect TestAServerThatOmitsPKCEIsTakenWhereItsDataSaysSo",
		"oauthstore/connect TestACognitoUserPoolCanBeConnected",
		"cmd/toolgrant TestConnectNamesTheFlagThatHelps/PKCE is not advertised",
	}},
	{"rejects the resource parameter, at consent or at a refresh", "powerbi-modeling-mcp#68, fastmcp#4839", []string{
		"oauthstore/connect TestSwitchesOfTheDataDecideWhatIsSent/no resource",
		"oauthstore/connect TestSwitchesOfTheDataDecideWhatIsSent/none at a refresh",
		"oauthstore/connect TestAConsentThatTheServerRejectsNamesItsRemedy/the resource, as Entra",
		"oauthstore TestARejectedRefreshParameterIsRetriedOnce/AADSTS9010010: without the resource",
		"oauthstore TestARefreshWithoutResourceMustKeepTheAudience",
		"cmd/toolgrant TestConnectNamesTheFlagThatHelps/the resource is rejected",
	}},
	{"rejects a refresh without scope, and one that repeats the granted scopes", "typescript-sdk#2718, mcp-remote#357, copilot-cli#4464", []string{
		"oauthstore TestARefreshSendsTheParametersThatTheProfileNames/the requested scopes, never the granted",
		"oauthstore TestARejectedRefreshParameterIsRetriedOnce/AADSTS90009: with the requested scopes",
		"oauthstore/connect TestSwitchesOfTheDataDecideWhatIsSent/as Entra wants them",
	}},
	{"sends the browser back with an error and without state", "typescript-sdk#2773", []string{
		"oauthstore/connect TestAnErrorWithoutStateIsShownAndTheListenerGoesOnWaiting",
		"cmd/toolgrant TestConnectPrintsAnErrorWithoutStateAndGoesOnWaiting",
	}},
	{"registers no redirect URL, or another spelling of it", "hermes#51934, mcporter#354", []string{
		"oauthstore/connect TestOtherRedirectURLsInARegistrationResponseAreAccepted/an empty list",
		"oauthstore/connect TestOtherRedirectURLsInARegistrationResponseAreAccepted/a normalized one",
	}},
	{"rejects the scopes of a registration", "turnstone#1082, keycloak#43654", []string{"oauthstore/connect TestRejectedScopesAreLeftOutOfARegistration"}},
	{"publishes metadata without resource, behind a login, or none", "macro#5519, neotoma#2049, maki#1064", []string{
		"oauthstore/connect TestUnusableMetadataHasItsOwnSentence/a document without resource",
		"oauthstore/connect TestUnusableMetadataHasItsOwnSentence/a 401",
		"oauthstore/connect TestUnusableMetadataHasItsOwnSentence/no document at all",
		"oauthstore/connect TestAnOperatorsIssuerReplacesUnusableMetadata",
		"cmd/toolgrant TestConnectNamesTheFlagThatHelps/there is no resource metadata",
	}},
	{"names another issuer, resource or scheme than expected", "smartbear-mcp#682, python-sdk#1264", []string{
		"oauthstore/connect TestUnusableMetadataHasItsOwnSentence/another issuer",
		"oauthstore/connect TestUnusableMetadataHasItsOwnSentence/another resource",
		"oauthstore/connect TestUnusableMetadataHasItsOwnSentence/another scheme",
		"oauthstore/connect TestUnusableMetadataHasItsOwnSentence/an endpoint of another scheme",
		"oauthstore/connect TestAnUnexpectedIssuerErrorNamesBothIssuers",
	}},
	{"announces iss and sends none", "mcp-server-cloudflare#449", []string{"oauthstore/connect TestAMissingIssIsReportedAsMissing"}},
	{"registers no applications, or localhost only, or refuses offline_access", "hermes#29875, meho#912", []string{
		"oauthstore/connect TestARejectedRegistrationNamesItsRemedy/switched off",
		"oauthstore/connect TestARejectedRegistrationNamesItsRemedy/localhost only",
		"oauthstore/connect TestAConsentThatTheServerRejectsNamesItsRemedy/offline_access",
		"cmd/toolgrant TestConnectNamesTheFlagThatHelps/registration is switched off",
		"cmd/toolgrant TestConnectNamesTheFlagThatHelps/only localhost is registered",
		"cmd/toolgrant TestConnectNamesTheFlagThatHelps/offline_access is not permitted",
	}},

	// Token endpoint.
	{"responds to a code with 200 and an error, or with a token one level deeper", "typescript-sdk#1342, claude-code#59725", []string{
		"oauthstore/connect TestAnUnusableResponseToACodeIsARefusal/200 with an error",
		"oauthstore/connect TestAnUnusableResponseToACodeIsARefusal/200 with ok false",
		"oauthstore/connect TestAnUnusableResponseToACodeIsARefusal/200 with a token one deeper",
		"oauthstore/connect TestOtherTokenTypesAndNestedTokensNeedProviderData/one level deeper, as the data says",
		"cmd/toolgrant TestConnectSaysWhatTheTokenEndpointResponded",
	}},
	{"issues tokens of the type user", "openwork#3569", []string{
		"providers TestSlackAcceptsUserTokens",
		"oauthstore/connect TestOtherTokenTypesAndNestedTokensNeedProviderData/token_type user, as the data says",
		"oauthstore/connect TestOtherTokenTypesAndNestedTokensNeedProviderData/token_type user, and the data is silent",
		"oauthstore TestOtherTokenTypesAndNestedTokensNeedTheProfile",
		"cmd/toolgrant TestARefreshThatReturnsAForeignTokenTypeIsUnsupportedAndNamesIt",
	}},
	{"responds to an expired refresh token with invalid_request", "metabase#80389", []string{
		"oauthstore TestInvalidRequestToARefreshIsConfirmedThenConnectAgain",
	}},
	{"leaves scope out of a token response", "RFC 6749 section 5.1", []string{"cmd/toolgrant TestStatusShowsTheRequestedScopesWhereTheServerNamesNone"}},

	// After the consent: the verdict.
	{"responds to the probe with a bare 403, HTML, a redirect, 429 or an error", "claude-ai-mcp#385", []string{
		"cmd/toolgrant TestConnectionThatIsNotVerifiedSaysWhyAndWhatToDo/a bare 403",
		"cmd/toolgrant TestConnectionThatIsNotVerifiedSaysWhyAndWhatToDo/HTML",
		"cmd/toolgrant TestConnectionThatIsNotVerifiedSaysWhyAndWhatToDo/a redirect",
		"cmd/toolgrant TestConnectionThatIsNotVerifiedSaysWhyAndWhatToDo/429",
		"cmd/toolgrant TestConnectionThatIsNotVerifiedSaysWhyAndWhatToDo/a list error",
	}},
	{"lists its tools for anyone", "dify#36230", []string{
		"internal/mcpprobe TestServerThatListsForAnyoneProvesNothing",
		"mcptools TestMadeUpTokenIsNotVerifiedByAnOpenList",
		"cmd/toolgrant TestConnectionThatIsNotVerifiedSaysWhyAndWhatToDo/a list for anyone",
	}},
	{"responds with 400 to protocol versions after 2025-06-18", "openwork#3569", []string{
		"internal/mcpprobe TestServerOfAnOlderVersionIsAskedInThatVersion",
		"internal/oauth TestAskTriesAnOlderVersionAndTheOlderTransport",
	}},
	{"says that a token expired or was revoked, or that it does not know a key", "RFC 6750 section 3.1", []string{
		"internal/mcpprobe TestReasonIsTheServersOwn/RFC 6750: expired",
		"internal/mcpprobe TestReasonIsTheServersOwn/RFC 6750: revoked",
		"internal/mcpprobe TestReasonIsTheServersOwn/an unknown key",
		"internal/mcpprobe TestReasonIsTheServersOwn/another audience",
		"mcptools TestVerdictHasTheServersReason",
	}},
	{"is open and not in the catalogue", "no report", []string{"cmd/toolgrant TestOpenServerIsUsedWithoutACredential"}},
	{"speaks HTTP+SSE only", "no report", []string{
		"internal/mcpprobe TestValidTokenIsAcceptedOnEveryTransport/2024-11-05 HTTP+SSE",
		"cmd/toolgrant TestDoctorsAdviceFixesOrSaysThatItCannot/an open server with HTTP+SSE",
		"cmd/toolgrant TestDoctorsAdviceFixesOrSaysThatItCannot/HTTP+SSE with a token",
	}},
	{"can't be reached, in one of five ways", "no report", []string{"internal/mcpprobe TestUnreachableServersDifferInTheirSentence"}},
	{"says Unauthorized in a JSON-RPC error with status 200", "no report", []string{"internal/mcpprobe TestReasonIsTheServersOwn/JSON-RPC error in a 200"}},

	// Import.
	{"issued an access and a refresh token to another program", "npm's oidc-provider", []string{
		"cmd/toolgrant TestImportOfTwoTokensOfACertifiedServerIsRefreshedAndRevoked",
		"oauthstore/connect TestAnImportedJWTNamesItsClientIssuerAndAudience",
	}},
}

func TestEveryFieldReportHasItsTest(t *testing.T) {
	t.Parallel()
	require.Len(t, reports, 24)
	read := map[string]testSource{}
	for _, r := range reports {
		require.NotEmpty(t, r.shown, r.server)
		require.NotEmpty(t, r.source, r.server)
		for _, shown := range r.shown {
			folder, test, _ := strings.Cut(shown, " ")
			if _, ok := read[folder]; !ok {
				read[folder] = readTests(t, folder)
			}
			assert.True(t, read[folder].has(test), "%s: no test %s", r.source, shown)
		}
	}
}

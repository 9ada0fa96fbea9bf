package soak_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A fault is one that a store has to survive, and the tests that show it.
type fault struct {
	fault string
	shown []string
}

// faults are the faults of the lifecycle of a credential: races, crashes, a
// failing store. The listed tests cover each of them, as package, function and,
// after a slash, the name of a subtest or case.
var faults = []fault{
	{"many goroutines find an expired token", []string{"oauthstore TestTenThousandCallersAtExpiryCauseOneRefresh"}},
	{"many processes find an expired token, at a server that revokes a grant whose refresh token is reused", []string{
		"internal/soak/fleet TestManyProcessesAtExpirySendOneRefresh",
		"internal/soak/fleet TestControlWithoutThisLibraryLosesTheCredential",
		"internal/soak/fleet TestProcessDeathDuringARefreshLosesOnlyUnsavedTokens",
	}},
	{"the loser of a race is rejected because another process won", []string{"oauthstore TestTheLoserOfARaceAdoptsTheWinnersPair"}},
	{"the loser overwrites the winner's write", []string{
		"oauthstore TestNothingIsLostWhateverTheOrder",
		"oauthstore/sqlitestore TestBackend", "oauthstore/filestore TestBackend", "oauthstore/pgstore TestBackend", "oauthstore/redisstore TestBackend",
	}},
	{"a crash before the request", []string{
		"internal/soak/fleet TestProcessDeathDuringARefreshLosesOnlyUnsavedTokens/before the server has the request",
		"oauthstore TestAnIntentWhoseOwnerDiedIsTakenOver",
	}},
	{"a crash after the response and before it is saved", []string{
		"internal/soak/fleet TestProcessDeathDuringARefreshLosesOnlyUnsavedTokens/before the response is received",
		"oauthstore TestALostAnswerIsReplayedOnceTheAccessTokenHasEnded",
	}},
	{"the caller cancels during the request", []string{"oauthstore TestACanceledCallerDoesNotLoseTheRotation"}},
	{"a process is stopped for longer than its lease", []string{
		"internal/soak/fleet TestProcessDeathDuringARefreshLosesOnlyUnsavedTokens/stopped ",
		"oauthstore TestALeaseThatIsTooShortByTheRequestIsGivenUp",
		"oauthstore TestAProcessThatWasStoppedWhileItReadSendsNothingBesideOthers",
		"oauthstore TestOthersComeBetweenRequestAndCommit/the refresh token is used a second time, which ends the grant: our pair is not handed out, and a lost rotation reported",
	}},
	{"the store is down at a read", []string{"oauthstore TestAStoreThatIsDown/at the read: the cached token is served to its end"}},
	{"the store is down at the intent", []string{
		"internal/soak/fleet TestStoreOutageDuringARefreshLosesNothing/before the intent",
		"internal/soak/fleet TestStoreOutageDuringARefreshLosesNothing/after the intent, with the response lost",
		"oauthstore TestAStoreThatIsDown/at the intent: nothing is sent",
	}},
	{"the store is down at the commit", []string{
		"internal/soak/fleet TestStoreOutageDuringARefreshLosesNothing/between the writes",
		"internal/soak/fleet TestStoreOutageDuringARefreshLosesNothing/before the commit",
		"oauthstore TestAStoreThatIsDown/at the commit and at the end of the process: the journal has it",
	}},
	{"the result of the commit is unknown", []string{
		"internal/soak/fleet TestStoreOutageDuringARefreshLosesNothing/after the commit, with the response lost",
		"oauthstore TestAStoreThatIsDown/whose answer to the commit is lost: the pair is recognised",
	}},
	{"the new tokens are unusable", []string{"oauthstore TestAnUnusablePairIsStoredBeforeItIsVerified"}},
	{"another process serves a token that a refresh has revoked", []string{
		"internal/soak TestNoReplicaReturnsATokenRevokedByARefreshElsewhere", "oauthstore TestReject",
	}},
	{"many users' tokens expire at once, or an outage ends", []string{
		"oauthstore TestAStormOfUsersIsLetThroughInTurn", "oauthstore TestAFailingServerIsNotAsked",
		"internal/soak/fleet TestAllProcessesApplyTheResponseOfOne",
	}},
	{"credentials in a sweep that can't be refreshed", []string{"oauthstore TestPoisonCredentialsDoNotStarveASweep"}},
	{"a disconnect during a refresh", []string{
		"internal/soak/fleet TestLateRefreshChangesNothing",
		"oauthstore TestOthersComeBetweenRequestAndCommit/a disconnect: what we got is revoked",
	}},
	{"a reconnect during a refresh", []string{
		"internal/soak/fleet TestLateRefreshChangesNothing",
		"oauthstore TestOthersComeBetweenRequestAndCommit/a reconnect: the new grant stands and nothing is revoked",
	}},
	{"the process ends during a refresh", []string{
		"internal/soak/fleet TestInterruptedProcessSavesTheResponse", "internal/soak/fleet TestReturnedTokensAreSaved",
		"oauthstore TestNothingIsSentAfterCloseStarts",
	}},
	{"two releases share a store", []string{"oauthstore TestARecordOfAnotherFormatIsRefused"}},
}

// stresses are the faults that a busy fleet meets: waits that have a bound,
// states that have a way out, failures that an operator hears of.
var stresses = []fault{
	{"a token endpoint that answers after 11 seconds", []string{
		"internal/safehttp TestFirstByteHasTheWholeTimeout", "oauthstore TestASlowTokenEndpointHasTheWholePostTimeout",
	}},
	{"a cached token that is shorter than required", []string{"oauthstore TestRequireTTLRefusesAShortTokenEachTime"}},
	{"a server that refuses accepted tokens, for good or in an outage", []string{
		"oauthstore TestAPermanentRefusalIsReportedAfterAWhile", "oauthstore TestAnOutageThatAnswers401LogsNoUserOut",
		"oauthstore TestOneCredentialAtATimeFindsOutWhetherAnOutageHasEnded",
	}},
	{"a watch whose process has no connection left", []string{
		"oauthstore/pgstore TestAnExhaustedPoolDoesNotStopAWatch", "oauthstore/redisstore TestAnExhaustedPoolDoesNotStopAWatch",
		"oauthstore/pgstore TestAWatchWaitsForItsConnectionNoLongerThanForAProof",
	}},
	{"an MCP server that hangs after a report", []string{"oauthstore TestAServerThatHangsAfterARejectStallsOneCallAMinute"}},
	{"the keyset is lost", []string{"oauthstore/connect TestAfterTheLossOfTheKeysUsersConnectAgain"}},
	{"failures that no caller meets", []string{
		"oauthstore TestALostWatchIsReportedNowAndThen", "oauthstore TestAFailingClientsIsAskedNowAndThenAndReported",
		"oauthstore TestAFailedRevocationIsTriedAgainAndReported", "oauthstore TestAnIssuerThatFailsIsReportedOnceAndWhenItRecovers",
		"oauthstore TestAnOutageOfRefusalsIsReportedOnce", "oauthstore TestHealthSaysWhatIsWrong",
		"oauthstore/storeotel TestGaugesReportTheHealthOfAStore",
	}},
	{"a disconnect while the database is down", []string{"oauthstore TestAFailedDisconnectKeepsTheUnsavedPair"}},
	{"a claim whose answer is lost", []string{
		"oauthstore TestAClaimWhoseAnswerIsLostIsTheProcesssOwn/at the next call",
		"oauthstore TestAClaimWhoseAnswerIsLostIsTheProcesssOwn/and a refusal after it is no lost rotation",
		"oauthstore TestAnUnrecordedFailureThatSpentNothingIsNotALostRotation",
	}},
	{"a damaged record", []string{
		"oauthstore TestADamagedRecordStopsNothing/in a file", "oauthstore/memstore TestMemory", "oauthstore/filestore TestBackend",
		"oauthstore/sqlitestore TestBackend", "oauthstore/pgstore TestBackend", "oauthstore/redisstore TestBackend",
	}},
	{"a slow authorization server in a sweep", []string{
		"oauthstore TestASweepDoesNotWaitForASlowServerWithTheOthers", "oauthstore TestAFullSweepQueueStillTakesOtherIssuers",
	}},
	{"a report about a static key, without a verifier", []string{"oauthstore TestAStaticKeyWithoutAVerifierIsServedAgainAfterAReport"}},
	{"issuers, clients and pages that pile up", []string{
		"oauthstore TestGatesOfIssuersThatFailedAreFreed", "oauthstore TestASavedClientIsKeptWhileItIsUsed",
		"oauthstore/sqlitestore TestNoPageSortsAllMatches",
	}},
	{"an owner whose parts were forgotten", []string{"oauthstore TestAnOwnerWithoutItsPartsIsInvalid"}},
}

// A testSource has the functions and string literals of a package's test files.
type testSource struct {
	functions map[string]bool
	texts     []string // literals
}

func readTests(t *testing.T, folder string) testSource {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(folder), "*_test.go"))
	require.NoError(t, err)
	src := testSource{functions: map[string]bool{}}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				src.functions[n.Name.Name] = true
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
					src.texts = append(src.texts, text)
				}
			}
			return true
		})
	}
	return src
}

func (s testSource) has(test string) bool {
	function, part, _ := strings.Cut(test, "/")
	if !s.functions[function] {
		return false
	}
	for _, text := range s.texts {
		if part == "" || text == part {
			return true
		}
	}
	return false
}

func TestEveryFaultHasItsTest(t *testing.T) {
	t.Parallel()
	require.Len(t, faults, 20)
	require.Len(t, stresses, 14)
	read := map[string]testSource{}
	for _, f := range slices.Concat(faults, stresses) {
		require.NotEmpty(t, f.shown, f.fault)
		for _, shown := range f.shown {
			folder, test, _ := strings.Cut(shown, " ")
			if _, ok := read[folder]; !ok {
				read[folder] = readTests(t, folder)
			}
			assert.True(t, read[folder].has(test), "%s: no test %s", f.fault, shown)
		}
	}
	assert.False(t, read["oauthstore"].has("TestThatDoesNotExist"))
	assert.False(t, read["oauthstore"].has("TestAStoreThatIsDown/no such case"))
}

package soak_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// faults are what goes wrong with a credential by itself: races, crashes, a
// store that fails. Each is shown by the tests that are named, as package,
// function and, after a slash, the name of a subtest or of what it plays.
var faults = []struct {
	fault string
	shown []string
}{
	{"many goroutines find a token ended", []string{"oauthstore TestTenThousandCallersAtExpiryCauseOneRefresh"}},
	{"many processes find a token ended, at a server that ends a grant whose refresh token is used twice", []string{
		"internal/soak/fleet TestManyProcessesAtExpirySendOneRefresh",
		"internal/soak/fleet TestManyProcessesWithoutThisLibraryLoseTheCredential",
		"internal/soak/fleet TestAProcessThatDiesInARefreshLosesNothingButWhatItAloneHad",
	}},
	{"the loser is refused because another one won", []string{"oauthstore TestTheLoserOfARaceAdoptsTheWinnersPair"}},
	{"the loser removes what the winner wrote", []string{
		"oauthstore TestNothingIsLostWhateverTheOrder",
		"oauthstore/sqlitestore TestBackend", "oauthstore/filestore TestBackend", "oauthstore/pgstore TestBackend", "oauthstore/redisstore TestBackend",
	}},
	{"a crash before the request", []string{
		"internal/soak/fleet TestAProcessThatDiesInARefreshLosesNothingButWhatItAloneHad/before the server has the request",
		"oauthstore TestAnIntentWhoseOwnerDiedIsTakenOver",
	}},
	{"a crash after the answer and before it is saved", []string{
		"internal/soak/fleet TestAProcessThatDiesInARefreshLosesNothingButWhatItAloneHad/before the answer is heard",
		"oauthstore TestALostAnswerIsReplayedOnceTheAccessTokenHasEnded",
	}},
	{"the caller goes away during the request", []string{"oauthstore TestACanceledCallerDoesNotLoseTheRotation"}},
	{"a process is stopped for longer than its lease", []string{
		"internal/soak/fleet TestAProcessThatDiesInARefreshLosesNothingButWhatItAloneHad/stopped ",
		"oauthstore TestALeaseThatIsTooShortByTheRequestIsGivenUp",
		"oauthstore TestAProcessThatWasStoppedWhileItReadSendsNothingBesideOthers",
		"oauthstore TestOthersComeBetweenRequestAndCommit/the refresh token is used a second time, which ends the grant: our pair is not handed out, and a lost rotation reported",
	}},
	{"the store is down at a read", []string{"oauthstore TestAStoreThatIsDown/at the read: the cached token is served to its end"}},
	{"the store is down at the intent", []string{
		"internal/soak/fleet TestAStoreThatIsCutOffInARefreshLosesNothing/before the intent",
		"internal/soak/fleet TestAStoreThatIsCutOffInARefreshLosesNothing/after the intent, of which nobody hears",
		"oauthstore TestAStoreThatIsDown/at the intent: nothing is sent",
	}},
	{"the store is down at the commit", []string{
		"internal/soak/fleet TestAStoreThatIsCutOffInARefreshLosesNothing/between the writes",
		"internal/soak/fleet TestAStoreThatIsCutOffInARefreshLosesNothing/before the commit",
		"oauthstore TestAStoreThatIsDown/at the commit and at the end of the process: the journal has it",
	}},
	{"nobody knows whether the commit was done", []string{
		"internal/soak/fleet TestAStoreThatIsCutOffInARefreshLosesNothing/after the commit, of which nobody hears",
		"oauthstore TestAStoreThatIsDown/whose answer to the commit is lost: the pair is recognised",
	}},
	{"the new pair is no good", []string{"oauthstore TestAPairThatCanNotBeUsedIsStoredBeforeItIsJudged"}},
	{"another process serves a token that a refresh has ended", []string{
		"internal/soak TestNoReplicaHandsOutATokenThatARefreshElsewhereEnds", "oauthstore TestReject",
	}},
	{"many users' tokens end together, or an outage does", []string{
		"oauthstore TestAStormOfUsersIsLetThroughInTurn", "oauthstore TestAServerInTroubleIsLeftAlone",
		"internal/soak/fleet TestAllProcessesObeyWhatOneWasAnswered",
	}},
	{"credentials in a sweep that can't be refreshed", []string{"oauthstore TestPoisonCredentialsDoNotStarveASweep"}},
	{"a disconnect during a refresh", []string{
		"internal/soak/fleet TestARefreshThatComesLateChangesNothing",
		"oauthstore TestOthersComeBetweenRequestAndCommit/a disconnect: what we got is revoked",
	}},
	{"a reconnect during a refresh", []string{
		"internal/soak/fleet TestARefreshThatComesLateChangesNothing",
		"oauthstore TestOthersComeBetweenRequestAndCommit/a reconnect: the new grant stands and nothing is revoked",
	}},
	{"the process ends during a refresh", []string{
		"internal/soak/fleet TestAnInterruptedProcessSavesWhatItIsGiven", "internal/soak/fleet TestWhatIsHandedOutIsSaved",
		"oauthstore TestNothingIsSentAfterCloseHasBegun",
	}},
	{"two releases share a store", []string{"oauthstore TestARecordOfAnotherFormatIsRefused"}},
}

// A testSource is what the test files of a package hold.
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
	read := map[string]testSource{}
	for _, f := range faults {
		require.NotEmpty(t, f.shown, f.fault)
		for _, shown := range f.shown {
			folder, test, _ := strings.Cut(shown, " ")
			if _, ok := read[folder]; !ok {
				read[folder] = readTests(t, folder)
			}
			assert.True(t, read[folder].has(test), "%s: there is no %s", f.fault, shown)
		}
	}
	assert.False(t, read["oauthstore"].has("TestNobodyHasWrittenThis"))
	assert.False(t, read["oauthstore"].has("TestAStoreThatIsDown/on a Sunday"))
}

package mcptools

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/internal/failtext"
)

// TestFindingsAndFailuresHaveTheSameKinds holds the kinds and stages of package failtext
// to those of this one.
func TestFindingsAndFailuresHaveTheSameKinds(t *testing.T) {
	t.Parallel()
	for found, kind := range map[failtext.Kind]Kind{
		failtext.KindUnauthorized: KindUnauthorized, failtext.KindForbidden: KindForbidden, failtext.KindBadRequest: KindBadRequest,
		failtext.KindNotFound: KindNotFound, failtext.KindWrongEndpoint: KindWrongEndpoint, failtext.KindRateLimited: KindRateLimited,
		failtext.KindTimeout: KindTimeout, failtext.KindServerError: KindServerError, failtext.KindUnreachable: KindUnreachable,
		failtext.KindSessionLost: KindSessionLost, failtext.KindProtocol: KindProtocol, failtext.KindToolFailed: KindToolFailed,
		failtext.KindUpstreamUnknown: KindUpstreamUnknown, failtext.KindNoTools: KindNoTools, failtext.KindInvalidTool: KindInvalidTool,
		failtext.KindInvalidHistory: KindInvalidHistory, failtext.KindUnsupported: KindUnsupported, failtext.KindNotConnected: KindNotConnected,
		failtext.KindPlatform: KindPlatform, failtext.KindUnknown: KindUnknown,
	} {
		assert.Equal(t, string(kind), string(found))
	}
	for found, stage := range map[failtext.Stage]Stage{
		failtext.StageRequest: StageRequest, failtext.StageListTools: StageListTools, failtext.StageCallTool: StageCallTool,
		failtext.StageStream: StageStream, failtext.StagePlatform: StagePlatform,
	} {
		assert.Equal(t, string(stage), string(found))
	}
}

func TestRetryableNeedsThatNoToolMayHaveRun(t *testing.T) {
	t.Parallel()
	for _, f := range []failtext.Finding{
		{Kind: failtext.KindTimeout, Stage: failtext.StageListTools},
		{Kind: failtext.KindUpstreamUnknown, Stage: failtext.StageListTools},
		{Kind: failtext.KindPlatform, Stage: failtext.StagePlatform, Status: 500},
		{Kind: failtext.KindPlatform, Stage: failtext.StagePlatform, Status: 429},
		{Kind: failtext.KindPlatform, Stage: failtext.StagePlatform, Status: 400, Locked: true},
	} {
		assert.True(t, retryable(f), "%v", f)
		f.MayHaveRun = true
		assert.False(t, retryable(f), "%v", f)
	}
	assert.False(t, retryable(failtext.Finding{Kind: failtext.KindPlatform, Status: 429, Quota: true}))
	assert.False(t, retryable(failtext.Finding{Kind: failtext.KindTimeout, Stage: failtext.StageCallTool}))
}

package failtext_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/failtext"
)

// TestRunThatFailedIsNeverRepeated has what programs print of a run, with and
// without the words that the SDKs use.
func TestRunThatFailedIsNeverRepeated(t *testing.T) {
	t.Parallel()
	const sorry = `{'code': 'server_error', 'message': 'Sorry, something went wrong.'}`
	for _, text := range []string{
		"RunStatus.FAILED " + sorry, "thread.run.failed " + sorry, "thread run failed " + sorry, "Run error: " + sorry, "run_1 failed with " + sorry,
		"Response status: failed - " + sorry, "Background task failed: " + sorry, "Failed to poll run_1: " + sorry, "state is failed: " + sorry,
		"lastError=" + sorry, "RunLastError" + strings.NewReplacer("{'", "('", "}", ")").Replace(sorry), `{"background":true,"error":` + sorry + `}`,
		`{"responseId":"resp_1","error":` + sorry + `}`, `{"id":"x","status":"<RunStatus.FAILED: 'failed'>","error":` + sorry + `}`,
	} {
		f := failtext.Text(text, failtext.Known{Surface: failtext.SurfaceResponses})
		if f.Kind == failtext.KindPlatform {
			assert.True(t, f.MayHaveRun, text)
		} else {
			assert.Equal(t, failtext.KindUnknown, f.Kind, text)
		}
	}
	for _, text := range []string{
		"openai.InternalServerError: Error code: 500 - {'error': " + sorry + "}", "HTTP response 500: " + sorry, "request failed: " + sorry,
		`{"error":` + sorry + `}`, "run agent: ask model: " + sorry, `{"id":"req_1","error":` + sorry + `}`,
	} {
		f := failtext.Text(text, failtext.Known{Surface: failtext.SurfaceResponses})
		require.Equal(t, failtext.KindPlatform, f.Kind, text)
		assert.False(t, f.MayHaveRun, text)
	}
}

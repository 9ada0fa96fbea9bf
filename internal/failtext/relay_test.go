package failtext_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/internal/failtext"
)

func TestAnswersOfARelayAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]failtext.Kind{
		`{"error":{"kind":"unauthorized","message":"The ticket is not valid or has expired: build a new entry."}}`:           failtext.KindUnauthorized,
		`{"error":{"kind":"reauth_required","message":"The user must connect again."}}`:                                      "reauth_required",
		`{"error":{"kind":"unreachable","message":"The MCP server did not respond."}}`:                                       failtext.KindUnreachable,
		`{"error":{"kind":"temporarily_unavailable","message":"Try again later."}}`:                                          failtext.KindServerError,
		`2026/11/28 relay answered 502: {"error":{"kind":"unsupported","message":"The server speaks HTTP+SSE."}} to POST /x`: failtext.KindUnsupported,
		// Not a relay's.
		`{"error":{"kind":"unauthorized","message":"x","code":7}}`: failtext.KindUnknown,
		`{"error":{"kind":"odd","message":"x"}}`:                   failtext.KindUnknown,
		`{"error":{"kind":"unauthorized"}}`:                        failtext.KindUnknown,
	} {
		f := failtext.Text(text, failtext.Known{})
		assert.Equal(t, want, f.Kind, text)
		if want != failtext.KindUnknown {
			assert.True(t, f.MayHaveRun, "what was asked is unknown: %s", text)
			assert.Equal(t, f.Kind, failtext.Text(text, failtext.Known{HTTPStatus: 502}).Kind, text)
		}
	}
}

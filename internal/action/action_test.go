package action_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/action"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryStepHasAStatusAndASentenceOfItsOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for step, status := range map[string]int{
		action.Connect: http.StatusConflict, action.Reconnect: http.StatusConflict, action.StepUp: http.StatusConflict,
		action.Refresh: http.StatusServiceUnavailable, action.Wait: http.StatusServiceUnavailable,
		action.CheckServer: http.StatusBadGateway,
		action.FixConfig:   http.StatusInternalServerError, action.FixHistory: http.StatusInternalServerError,
		action.None: http.StatusInternalServerError,
	} {
		assert.Equal(t, status, action.HTTPStatus(step), step)
		text := action.PublicMessage(step, "Asana")
		assert.Contains(t, text, "Asana ")
		assert.False(t, seen[text], text)
		seen[text] = true
	}
}

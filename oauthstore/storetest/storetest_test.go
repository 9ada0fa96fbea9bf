package storetest_test

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/oauthstore/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCorrectBackendPasses(t *testing.T) {
	t.Parallel()
	var s server
	storetest.Run(t, s.opener(func(*handle) {}), nil)
}

func TestEachRuleDetectsFaultyBackends(t *testing.T) {
	t.Parallel()
	faults := map[string]map[string]func(*handle){}
	for _, topic := range []map[string]map[string]func(*handle){
		roundTripFaults, isolationFaults, casFaults, listFaults, damageFaults, batchFaults, contextFaults, clockFaults, handleFaults, watchFaults,
	} {
		maps.Copy(faults, topic)
	}
	for _, rule := range storetest.Rules() {
		assert.NotEmpty(t, faults[rule], "no faulty backend for the rule %q", rule)
		for name, spoil := range faults[rule] {
			t.Run(rule+"/"+name, func(t *testing.T) {
				t.Parallel()
				var s server
				found := storetest.Check(t, rule, s.opener(spoil), time.Second)
				assert.NotEmpty(t, found, "a faulty backend passes")
			})
		}
	}
	assert.Len(t, faults, len(storetest.Rules()), "a fault for an unknown rule")
}

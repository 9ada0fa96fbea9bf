package policy_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheSecurityPageNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	declared := make(map[string]bool)
	declaration := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, file := range tracked(t) {
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range declaration.FindAllSubmatch(read(t, file), -1) {
			declared[string(m[1])] = true
		}
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(read(t, "SECURITY.md"), -1)
	require.NotEmpty(t, named)
	for _, m := range named {
		assert.True(t, declared[string(m[1])], "%s does not exist", m[1])
	}
}

package mcpprobe_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
)

func TestChallengesAreReadAsServersWriteThem(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		values            []string
		code, desc, scope string
	}{
		"none":                     {values: nil},
		"a scheme alone":           {values: []string{"Bearer"}},
		"unquoted":                 {values: []string{"Bearer error=invalid_token"}, code: "invalid_token"},
		"no commas":                {values: []string{`Bearer error="invalid_token" error_description="x"`}, code: "invalid_token", desc: "x"},
		"escapes":                  {values: []string{`Bearer error_description="say \"hi\", then \\go"`}, desc: `say "hi", then \go`},
		"spaces around the sign":   {values: []string{`Bearer error = "invalid_token" , scope = "a b"`}, code: "invalid_token", scope: "a b"},
		"any case":                 {values: []string{`bEARER ERROR="invalid_token"`}, code: "invalid_token"},
		"after another scheme":     {values: []string{`Basic realm="x", Bearer scope="s", error="insufficient_scope"`}, code: "insufficient_scope", scope: "s"},
		"another scheme's error":   {values: []string{`DPoP error="invalid_dpop_proof", algs="ES256"`}},
		"the one with an error":    {values: []string{`Bearer realm="x"`, `Bearer error="invalid_token"`}, code: "invalid_token"},
		"token68 before":           {values: []string{`Negotiate YWJj==, Bearer error="invalid_token"`}, code: "invalid_token"},
		"never closed":             {values: []string{`Bearer error="invalid_token`}, code: "invalid_token"},
		"only signs":               {values: []string{`===,,,"""`}},
		"a description without it": {values: []string{`Bearer error="invalid_token", error_description=`}, code: "invalid_token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, desc, scope := mcpprobe.ParseChallenge(tc.values...)
			assert.Equal(t, tc.code, code)
			assert.Equal(t, tc.desc, desc)
			assert.Equal(t, tc.scope, scope)
		})
	}
}

func FuzzParseChallenge(f *testing.F) {
	f.Add(asanaChallenge)
	f.Add(`Bearer error="insufficient_scope", scope="a b"`)
	f.Add("Basic YWJj==, Bearer")
	f.Add(`Bearer error_description="\`)
	f.Add("ä=\x00,\"")
	f.Fuzz(func(t *testing.T, value string) {
		code, desc, scope := mcpprobe.ParseChallenge(value)
		for _, s := range []string{code, desc, scope} {
			assert.LessOrEqual(t, len(s), len(value))
		}
		if code != "" {
			assert.Contains(t, strings.ToLower(value), "bearer")
		}
	})
}

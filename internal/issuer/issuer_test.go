package issuer_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/internal/issuer"
)

func TestOnlyTheSlashOfAPathlessIssuerIsIgnored(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"https://as.example", "https://as.example", true},
		{"https://as.example", "https://as.example/", true},
		{"https://as.example:8443/", "https://as.example:8443", true},
		{"https://as.example/t", "https://as.example/t", true},
		{"", "", true},
		{"https://as.example/t", "https://as.example/t/", false},
		{"https://as.example", "https://as.example//", false},
		{"https://as.example/", "https://as.example//", false},
		{"https://as.example", "https://AS.example", false},
		{"https://as.example", "http://as.example", false},
		{"https://as.example", "https://as.example?", false},
		{"https://as.example?t", "https://as.example?t/", false},
		{"https://as.example", "https://as.example.", false},
		{"https://as.example", "", false},
		{"https:/", "https:", false},
		{"", "/", false},
		{"https://", "https:///", false},
	} {
		assert.Equal(t, c.want, issuer.Same(c.a, c.b), "%q and %q", c.a, c.b)
		assert.Equal(t, c.want, issuer.Same(c.b, c.a), "%q and %q", c.b, c.a)
	}
}

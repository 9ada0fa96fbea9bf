package providers

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A dot in a template stands for a dot. Were it a wildcard, the hosts of other
// people would be the vendor's.
func TestLiteralTextOfATemplateIsMatchedToTheByte(t *testing.T) {
	t.Parallel()
	for template, raw := range map[string]string{
		"https://{shop}.vendor.example/mcp":         "https://mcp.eu.a.vendor.example/mcp",
		"https://mcp.{shop}.vendor.example/mcp":     "https://mcp.eu.a.vendor.example/mcp",
		"https://mcp.{region}.a.{shop}.example/mcp": "https://mcp.eu.a.vendor.example/mcp",
		"https://vendor.example/v1.0/{id}.d/mcp":    "https://vendor.example/v1.0/7.d/mcp",
		"https://vendor.example/mcp?at={id}.a.b":    "https://vendor.example/mcp?at=7.a.b",
	} {
		_, ok := matchURL(template, raw, nil, false)
		assert.True(t, ok, "%s is a URL of %s", raw, template)
		for i := range strings.Index(template, "{") { // the literal text before the first part
			if template[i] == '.' {
				_, ok := matchURL(template, raw[:i]+"-"+raw[i+1:], nil, false)
				assert.False(t, ok, "a dot of %s is any character", template)
			}
		}
		literal := partRE.ReplaceAllString(template, "{}")
		// The dots of the literal text, from the end, are those of the URL.
		at := len(raw)
		for i := len(literal) - 1; i >= 0 && !strings.HasPrefix(literal[i:], "}"); i-- {
			at--
			if literal[i] != '.' {
				continue
			}
			for _, other := range []string{"-", "x"} {
				changed := raw[:at] + other + raw[at+1:]
				_, ok := matchURL(template, changed, nil, false)
				assert.False(t, ok, "%s is not a URL of %s", changed, template)
			}
		}
	}
}

// A resource that the data name counts for the host that it is on.
func TestResourceIsOnTheServersHost(t *testing.T) {
	t.Parallel()
	p := Custom("example", "https://mcp.example.com/mcp", &CustomOptions{OAuth: OAuth{
		Resource: "https://mcp.example.com/other", Resources: []string{"https://other.example.com/mcp", "https://mcp.example.com"},
	}})
	const server = "https://mcp.example.com/mcp"
	for resource, accepted := range map[string]bool{
		server: true, "https://mcp.example.com/other": true, "https://mcp.example.com": true,
		"https://other.example.com/mcp": false, "https://mcp.example.com/else": false, "": false,
	} {
		assert.Equal(t, accepted, p.AcceptsResource(server, resource), resource)
	}
}

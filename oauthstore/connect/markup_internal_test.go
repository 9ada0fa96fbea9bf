package connect

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMarkupEscapesTextsAndAttributes(t *testing.T) {
	t.Parallel()
	const hostile = `</p><script>a("b")</script>&'` + "\x00"
	const escaped = `&lt;/p&gt;&lt;script&gt;a(&#34;b&#34;)&lt;/script&gt;&amp;&#39;` + "\uFFFD"
	var m markup
	m.element("p", hostile, "id", hostile, "", "left out")
	m.element("p", "", "id", "empty")
	assert.Equal(t, `<p id="`+escaped+`">`+escaped+"</p>\n", m.out.String())

	p := page{
		Heading: hostile, Tone: hostile, Text: []string{hostile}, Said: hostile, Facts: []field{{hostile, hostile}},
		Form: &form{
			Fields: []field{{hostile, hostile}}, Button: hostile,
			Inputs: []input{{Name: hostile, Type: hostile, Label: hostile, Hint: hostile, Value: hostile, Problem: hostile}},
		},
		Groups: []group{{ID: hostile, Heading: hostile, Cards: []card{{
			ID: hostile, Name: hostile, About: hostile, Note: hostile,
			Connections: []connection{{Account: hostile, Tone: hostile, State: hostile, Text: hostile, Said: hostile}},
		}}}},
		Links: []link{{URL: hostile, Text: hostile, Of: hostile}},
	}
	assert.NotContains(t, p.html(), hostile)
	assert.NotContains(t, p.html(), "<script")
	assert.NotContains(t, p.html(), `("b")`)
}

func TestLinksOnlyOpenPages(t *testing.T) {
	t.Parallel()
	for _, safe := range []string{"", "/settings?a=b#c", "#card", "https://example.com/", "http://127.0.0.1:8080/"} {
		assert.Equal(t, safe, safeLink(safe))
	}
	for _, unsafe := range []string{"javascript:alert(1)", "JavaScript:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "vbscript:x", "%zz"} {
		assert.Equal(t, "#", safeLink(unsafe), unsafe)
	}
}

package relay

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func BenchmarkRules(b *testing.B) {
	call := []byte(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","arguments":{"query":"quarterly report","limit":10},"_meta":{"progressToken":3}}}`)
	var tools []string
	for i := range 40 {
		tools = append(tools, tool(fmt.Sprintf("tool_%d", i), strings.Repeat("describes ", 30), i%2 == 0))
	}
	list := []byte(`{"jsonrpc":"2.0","id":3,"result":{"tools":[` + strings.Join(tools, ",") + `]}}`)
	text := []byte(`{"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"` + strings.Repeat("words ", 200) + `"}]}}`)
	r := newPolicies(nil, PinOff, nil).rules(policyKey, []string{"search"}, false, nil)
	b.Run("judge a call", func(b *testing.B) {
		for b.Loop() {
			m, refused := parseMessage(call, http.Header{})
			if refused != nil {
				b.Fatal(refused.reason)
			}
			if refused, err := r.admit(b.Context(), m); refused != nil || err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("filter a result", func(b *testing.B) {
		for b.Loop() {
			r.filter(b.Context(), text)
		}
	})
	b.Run("filter a list of 40", func(b *testing.B) {
		for b.Loop() {
			r.filter(b.Context(), list)
		}
	})
}

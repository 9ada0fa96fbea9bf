package failtext_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/toolgrant/toolgrant/internal/failtext"
)

// hostile are inputs that make a naive reader start again and again.
var hostile = map[string]func(n int) string{
	"braces":          func(n int) string { return strings.Repeat("{", n) },
	"open objects":    func(n int) string { return strings.Repeat(`{"a":`, n/5) },
	"bad objects":     func(n int) string { return strings.Repeat(`{"a":1 b`, n/8) },
	"small objects":   func(n int) string { return strings.Repeat(`{"a":"b"},`, n/10) },
	"errors":          func(n int) string { return strings.Repeat(`{"error":{"message":"x"}}`, n/25) },
	"quotes":          func(n int) string { return `{"a":` + strings.Repeat(`'"`, n/2) },
	"open strings":    func(n int) string { return strings.Repeat(`{'a':'`, n/6) },
	"backslashes":     func(n int) string { return strings.Repeat(`\`, n) },
	"escaped quotes":  func(n int) string { return strings.Repeat(`\\\"`, n/4) },
	"openings":        func(n int) string { return strings.Repeat("Error retrieving tool list from MCP server: '", n/45) },
	"labels":          func(n int) string { return "retrieving tool list from MCP server: '" + strings.Repeat("a' ", n/3) },
	"entities":        func(n int) string { return strings.Repeat("&amp;", n/5) },
	"angles":          func(n int) string { return strings.Repeat("{a:<", n/4) },
	"comments":        func(n int) string { return strings.Repeat("{/*", n/3) },
	"pairs":           func(n int) string { return strings.Repeat(`type="`, n/6) },
	"events":          func(n int) string { return strings.Repeat("data: {}\n\n", n/10) },
	"white space":     func(n int) string { return strings.Repeat(" \n", n/2) },
	"nested strings":  nestedStrings,
	"words":           func(n int) string { return strings.Repeat("error failed MCP server ", n/24) },
	"urls":            func(n int) string { return strings.Repeat("enumerating tools from remote server https://", n/45) },
	"objects of text": func(n int) string { return "[" + strings.Repeat(`{"message":"tools[1] error","code":1},`, n/38) },
}

func nestedStrings(n int) string {
	s := "{}"
	for len(s) < n {
		quoted, err := json.Marshal(s)
		if err != nil {
			panic(err)
		}
		s = `{"message":` + string(quoted) + `}`
	}
	return s[:n]
}

func BenchmarkHostileText(b *testing.B) {
	for name, text := range hostile {
		for _, n := range []int{1 << 17, 1 << 20} {
			b.Run(name+map[int]string{1 << 17: "/128K", 1 << 20: "/1M"}[n], func(b *testing.B) {
				in := text(n)
				b.SetBytes(int64(len(in)))
				for b.Loop() {
					failtext.Text(in, failtext.Known{})
				}
			})
		}
	}
}

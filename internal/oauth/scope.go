package oauth

import (
	"slices"
	"strings"
)

// splitScopes reads scopes that are parted by spaces, as RFC 6749 has it, or
// by commas, as some servers write it. More than a list may hold give none.
func splitScopes(text string) []string {
	var list []string
	for {
		text = strings.TrimLeft(text, scopeSeparators)
		if text == "" {
			return list
		}
		if len(list) == maxList {
			return nil
		}
		end := strings.IndexAny(text, scopeSeparators)
		if end < 0 {
			end = len(text)
		}
		list = append(list, text[:end])
		text = text[end:]
	}
}

const scopeSeparators = " ,\t\r\n"

// sortedScopes returns the scopes sorted, each once; nil for none.
func sortedScopes(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

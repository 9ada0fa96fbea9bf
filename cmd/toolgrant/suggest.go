package main

import (
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/providers"
)

// maxNearest is the maximum number of suggestions for an unknown id.
const maxNearest = 3

// nearest returns the ids of the catalogue that resemble text, the best first.
func nearest(text string) []string {
	text = strings.ToLower(text)
	type match struct {
		id       string
		distance int
	}
	var all []match
	for _, p := range providers.All() {
		if p.Retired != "" {
			continue
		}
		d := editDistance(text, p.ID)
		if family, _, ok := strings.Cut(p.ID, "_"); ok && len(family) >= 4 {
			d = min(d, editDistance(text, family))
		}
		if len(text) >= 4 && (strings.HasPrefix(p.ID, text) || strings.Contains("_"+p.ID+"_", "_"+text+"_")) || strings.EqualFold(text, p.Name) {
			d = 0
		}
		if d <= min(3, (len(text)+1)/3) {
			all = append(all, match{p.ID, d})
		}
	}
	slices.SortStableFunc(all, func(x, y match) int { return x.distance - y.distance })
	var ids []string
	for _, m := range all[:min(len(all), maxNearest)] {
		ids = append(ids, m.id)
	}
	return ids
}

// editDistance returns how many characters must be inserted, deleted or replaced,
// or pairs of neighbors swapped, to make y of x.
func editDistance(x, y string) int {
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			replace := rows[i-1][j-1]
			if x[i-1] != y[j-1] {
				replace++
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, replace)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(x)][len(y)]
}

// wrongUsage returns the fault for an error of cobra, which writes the commands
// that resemble an unknown one on lines of their own.
func wrongUsage(err error) *fault {
	text, commands, _ := strings.Cut(err.Error(), "\n\nDid you mean this?\n")
	if similar := strings.Fields(commands); len(similar) > 0 {
		return usagef("%s: did you mean %s?", text, or(similar))
	}
	return usagef("%s", err)
}

// or joins alternatives for a sentence.
func or(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

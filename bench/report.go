package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
)

// A report is the content of ratios.json.
type report struct {
	Go      string   `json:"go"`
	Rounds  int      `json:"rounds"`
	Skipped []string `json:"skipped,omitempty"` // groups of rows that could not be measured here
	Rows    []result `json:"rows"`
	Relay   []check  `json:"relay,omitempty"`
}

// A result is a row in ratios.json. Times are medians in nanoseconds.
type result struct {
	Name    string  `json:"name"`
	NS      float64 `json:"ns"`
	Allocs  float64 `json:"allocs"`
	Against string  `json:"against,omitempty"`
	Ratio   float64 `json:"ratio,omitempty"`    // the median of each round's
	ExtraNS float64 `json:"extra_ns,omitempty"` // the median of each round's difference
	P50     float64 `json:"p50_ns,omitempty"`   // of single calls
	P99     float64 `json:"p99_ns,omitempty"`
	Goal    string  `json:"goal,omitempty"`
	Met     *bool   `json:"met,omitempty"`
}

func newReport(all []*sample, skipped []string) report {
	r := report{Go: runtime.Version(), Skipped: skipped}
	if len(all) > 0 {
		r.Rounds = len(all[0].rounds)
	}
	for _, s := range all {
		res := result{
			Name: s.name, NS: rounded(percentile(s.rounds, 50), 1), Allocs: s.allocs,
			P50: rounded(percentile(s.single, 50), 1), P99: rounded(percentile(s.single, 99), 1),
		}
		if s.other != nil {
			ratio, extra := s.compared()
			res.Against, res.Ratio, res.ExtraNS = s.against, rounded(ratio, 100), rounded(extra, 1)
		}
		if text, met := s.goal.judge(res); text != "" {
			res.Goal, res.Met = text, &met
		}
		r.Rows = append(r.Rows, res)
	}
	return r
}

// judge returns the goal as text, "" for none, and whether the row meets it.
func (g goal) judge(r result) (text string, met bool) {
	var parts []string
	met = true
	if g.ratio > 0 {
		parts = append(parts, fmt.Sprintf("ratio <= %.2f", g.ratio))
		met = met && r.Ratio <= g.ratio
	}
	if g.extra > 0 {
		parts = append(parts, fmt.Sprintf("extra_ns <= %d", g.extra.Nanoseconds()))
		met = met && r.ExtraNS <= float64(g.extra.Nanoseconds())
	}
	if g.allocs != 0 {
		parts = append(parts, fmt.Sprintf("allocs <= %d", max(g.allocs, 0)))
		met = met && r.Allocs <= float64(max(g.allocs, 0))
	}
	return strings.Join(parts, ", "), met
}

func rounded(v, scale float64) float64 { return math.Round(v*scale) / scale }

func (r report) write(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644) //nolint:gosec // G306: a tracked file
}

func (r report) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%s, %d rounds\tns\tallocs\tratio\textra ns\tp50 ns\tp99 ns\t\t\n", r.Go, r.Rounds)
	for _, row := range r.Rows {
		fmt.Fprintf(t, "%s\t%.0f\t%v\t%s\t%s\t%s\t%s\t%s\t\n", row.Name, row.NS, row.Allocs,
			number("%.2f", row.Ratio), number("%.0f", row.ExtraNS), number("%.0f", row.P50), number("%.0f", row.P99), verdict(row.Goal, row.Met))
	}
	for _, c := range r.Relay {
		fmt.Fprintf(t, "%s\t%v\t\t\t\t\t\t%s\t\n", c.Name, c.Value, verdict(c.Goal, c.Met))
	}
	for _, group := range r.Skipped {
		fmt.Fprintf(t, "skipped: %s\t\n", group)
	}
	return t.Flush()
}

// verdict says whether a goal is met; "" without a goal.
func verdict(goal string, met *bool) string {
	switch {
	case met == nil:
		return ""
	case *met:
		return "met: " + goal
	}
	return "missed: " + goal
}

// number formats v, and zero as nothing.
func number(format string, v float64) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf(format, v)
}

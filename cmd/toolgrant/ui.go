package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/lipgloss/table"
	"github.com/charmbracelet/x/term"
	"github.com/muesli/termenv"
)

// A ui is how things look for people: colours on a terminal, plain text
// elsewhere.
type ui struct {
	head, dim, good, warn, bad, plain lipgloss.Style

	live  bool       // a line may move: it is a terminal, and one with colours
	width func() int // how many cells a line has
}

// newUI returns the looks that suit w.
func newUI(w io.Writer) *ui {
	r := lipgloss.NewRenderer(w)
	u := &ui{
		head:  r.NewStyle().Bold(true),
		dim:   r.NewStyle().Faint(true),
		good:  r.NewStyle().Foreground(lipgloss.Color("2")),
		warn:  r.NewStyle().Foreground(lipgloss.Color("3")),
		bad:   r.NewStyle().Foreground(lipgloss.Color("1")),
		plain: r.NewStyle(),
		width: func() int { return defaultWidth },
	}
	if f, ok := w.(*os.File); ok && isTerminal(f) && r.ColorProfile() != termenv.Ascii {
		u.live = true
		u.width = func() int {
			if width, _, err := term.GetSize(f.Fd()); err == nil && width > 0 {
				return width
			}
			return defaultWidth
		}
	}
	return u
}

// defaultWidth is how wide what is no terminal is taken to be.
const defaultWidth = 120

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}

// table writes rows under headers, each column as wide as its widest cell. A
// nil look leaves all cells plain.
func (u *ui) table(w io.Writer, headers []string, rows [][]string, look func(row, col int) lipgloss.Style) {
	t := table.New().Headers(headers...).Rows(rows...).
		BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).
		BorderHeader(false).BorderColumn(false).BorderRow(false).
		StyleFunc(func(row, col int) lipgloss.Style {
			style := u.plain
			switch {
			case row == table.HeaderRow:
				style = u.head
			case look != nil:
				style = look(row, col)
			}
			return style.PaddingRight(2)
		})
	for line := range strings.Lines(t.Render() + "\n") {
		_, _ = io.WriteString(w, strings.TrimRight(line, " \n")+"\n")
	}
}

// A field is a name and what stands beside it.
type field struct {
	name, value string
}

// fields writes names and values, without those that have no value.
func (u *ui) fields(w io.Writer, all ...field) {
	width := 0
	for _, f := range all {
		if f.value != "" {
			width = max(width, len(f.name))
		}
	}
	for _, f := range all {
		if f.value == "" {
			continue
		}
		indent := strings.Repeat(" ", width+2)
		value := strings.ReplaceAll(f.value, "\n", "\n"+indent)
		_, _ = fmt.Fprintf(w, "%s  %s\n", u.head.Render(fmt.Sprintf("%-*s", width, f.name)), value)
	}
}

// when tells a time to people, with how far away it is.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := time.Until(t)
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%s (in %s)", stamp(t), short(d))
	case d <= -time.Second:
		return fmt.Sprintf("%s (%s ago)", stamp(t), short(-d))
	}
	return stamp(t)
}

// stamp is a time as scripts and people read it: RFC 3339, UTC.
func stamp(t time.Time) string { return t.UTC().Round(time.Second).Format(time.RFC3339) }

// short is a duration in its two greatest units.
func short(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= time.Hour:
		d = d.Truncate(time.Minute)
		return strings.TrimSuffix(d.String(), "0s")
	}
	return d.Truncate(time.Second).String()
}

// bullets writes a heading and sentences under it; nothing without sentences.
func (u *ui) bullets(w io.Writer, heading string, sentences []string) {
	if len(sentences) == 0 {
		return
	}
	_, _ = fmt.Fprintf(w, "\n%s\n", u.head.Render(heading))
	for _, s := range sentences {
		_, _ = fmt.Fprintf(w, "  - %s\n", s)
	}
}

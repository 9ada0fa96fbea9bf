package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/lipgloss/table"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/term"
	"github.com/muesli/termenv"

	"github.com/toolgrant/toolgrant/internal/safetext"
)

// A ui formats plain output: with colours on a terminal, without elsewhere.
type ui struct {
	head, dim, good, warn, bad, plain lipgloss.Style

	live  bool       // the output is a terminal with colours, on which a status line may move
	width func() int // cells of a line
}

// newUI returns the ui for output to w.
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

// defaultWidth is the width of a line if the output is not a terminal.
const defaultWidth = 80

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}

// table writes rows under headers, each column as wide as its widest cell. Where
// that is wider than a line, cells are wrapped. A nil look leaves all cells plain.
func (u *ui) table(w io.Writer, headers []string, rows [][]string, look func(row, col int) lipgloss.Style) {
	rows = fit(headers, rows, u.width())
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

// A field is a named value.
type field struct {
	name, value string
}

// fields writes names and values, and skips empty values.
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

// when returns a time with its distance from now; "" for the zero time.
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

// left returns the time until t; "" for the zero time.
func left(t time.Time) string {
	switch d := time.Until(t); {
	case t.IsZero():
		return ""
	case d <= 0:
		return short(-d) + " ago"
	default:
		return "in " + short(d)
	}
}

// stamp returns a time in RFC 3339 and UTC.
func stamp(t time.Time) string { return t.UTC().Round(time.Second).Format(time.RFC3339) }

// short returns a duration in its two largest units.
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

// bullets writes a heading and a list of sentences, which may quote a server;
// nothing without sentences.
func (u *ui) bullets(w io.Writer, heading string, sentences []string) {
	if len(sentences) == 0 {
		return
	}
	_, _ = fmt.Fprintf(w, "\n%s\n", u.head.Render(heading))
	for _, s := range sentences {
		_, _ = fmt.Fprintf(w, "  - %s\n", strings.ReplaceAll(wrap(safetext.Line(s), u.width()-4), "\n", "\n    "))
	}
}

// minColumn is the least width to which a column is narrowed.
const minColumn = 16

// fit returns rows with their cells wrapped, so that a table with gaps of two
// cells is at most limit cells wide. It narrows the widest column first.
func fit(headers []string, rows [][]string, limit int) [][]string {
	widths := make([]int, len(headers))
	total := 2 * (len(headers) - 1)
	for i, h := range headers {
		widths[i] = lipgloss.Width(h)
		for _, row := range rows {
			widths[i] = max(widths[i], lipgloss.Width(row[i]))
		}
		total += widths[i]
	}
	narrow := slices.Clone(widths)
	for total > limit {
		widest := slices.Index(narrow, slices.Max(narrow))
		if narrow[widest] <= minColumn {
			break
		}
		narrow[widest]--
		total--
	}
	out := make([][]string, len(rows))
	for i, row := range rows {
		out[i] = slices.Clone(row)
		for j, cell := range row {
			switch {
			case narrow[j] == widths[j]:
			case j == 0: // indented, so that no cell of a server begins a line
				out[i][j] = strings.ReplaceAll(ansi.Wrap(cell, narrow[j]-2, ""), "\n", "\n  ")
			default:
				out[i][j] = ansi.Wrap(cell, narrow[j], "")
			}
		}
	}
	return out
}

// wrap breaks a line between words, so that each line has at most that many
// cells. Longer words stay whole.
func wrap(text string, cells int) string {
	var b strings.Builder
	at := 0
	for i, word := range strings.Fields(text) {
		width := lipgloss.Width(word)
		switch {
		case i == 0:
		case at+1+width > cells:
			b.WriteByte('\n')
			at = 0
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += width
	}
	return b.String()
}

// commands writes the commands to run next, which may hold words of a server;
// nothing without commands.
func (u *ui) commands(w io.Writer, lines []string) {
	if len(lines) == 0 {
		return
	}
	_, _ = fmt.Fprintf(w, "\n%s\n", u.head.Render("Next"))
	for _, line := range lines {
		_, _ = fmt.Fprintf(w, "  %s\n", safetext.Line(line))
	}
}

package page

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

const (
	// Width is the maximum number of letters of a line.
	Width  = 84
	margin = "   "
	column = 12 // of a line's label
)

// A Page prints the output: aligned, in short lines, with color only on a
// terminal. Not safe for concurrent use.
type Page struct {
	out    io.Writer
	colour bool
	step   int
}

// A style is a terminal style (ECMA-48, select graphic rendition).
type style string

const (
	plain style = "0"
	title style = "1"
	faint style = "2"
	bad   style = "31"
	good  style = "32"
)

// New returns a page on out, without color if noColour is set.
func New(out io.Writer, noColour bool) *Page {
	p := &Page{out: out}
	if f, ok := out.(*os.File); ok && !noColour {
		info, err := f.Stat()
		p.colour = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

func (p *Page) render(s style, text string) string {
	if !p.colour || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// Opening prints the head of the page.
func (p *Page) Opening(head, text string) {
	p.line(p.render(title, head))
	p.paragraph("", text)
}

// Closing prints the end of the page.
func (p *Page) Closing(head, text string) {
	p.line("")
	p.line(p.render(title, head))
	p.paragraph("", text)
}

// Step returns the number of the current step.
func (p *Page) Step() int { return p.step }

// Begin starts the next step.
func (p *Page) Begin(head string) {
	p.step++
	p.line("")
	p.line(p.render(title, fmt.Sprintf("%d. %s", p.step, head)))
}

// Note prints a remark.
func (p *Page) Note(text string) { p.paragraph(margin, text) }

// Tell prints a labeled text.
func (p *Page) Tell(what, text string) { p.item(plain, plain, what, text) }

// Works prints a labeled text after a success.
func (p *Page) Works(what, text string) { p.item(good, plain, what, text) }

// Fails prints a labeled text after a failure.
func (p *Page) Fails(what, text string) { p.item(bad, plain, what, text) }

// Hint prints a labeled detail.
func (p *Page) Hint(what, text string) { p.item(faint, faint, what, text) }

// Raw prints lines unchanged, below the last text.
func (p *Page) Raw(text string) {
	for l := range strings.SplitSeq(text, "\n") {
		p.line(margin + strings.Repeat(" ", column) + p.render(faint, l))
	}
}

// item prints the label in the first column and wraps the text in the second.
func (p *Page) item(first, second style, what, text string) {
	for i, l := range wrap(text, Width-len(margin)-column) {
		if i > 0 {
			what = ""
		}
		pad := strings.Repeat(" ", max(1, column-utf8.RuneCountInString(what)))
		p.line(margin + p.render(first, what) + pad + p.render(second, l))
	}
}

func (p *Page) paragraph(indent, text string) {
	for _, l := range wrap(text, Width-len(indent)) {
		p.line(indent + l)
	}
}

func (p *Page) line(text string) { fmt.Fprintln(p.out, text) }

// Count returns the number with the noun, which gets an s unless there is one.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// wrap breaks text at spaces into lines of at most limit letters.
func wrap(text string, limit int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= limit:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

const (
	width  = 84
	margin = "   "
	column = 12 // of a line's label
)

// A page prints the output: aligned, in short lines, with color only on a
// terminal.
type page struct {
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

func newPage(out io.Writer, noColour bool) *page {
	p := &page{out: out}
	if f, ok := out.(*os.File); ok && !noColour {
		info, err := f.Stat()
		p.colour = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

func (p *page) render(s style, text string) string {
	if !p.colour || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// opening prints the head of the page, closing its end.
func (p *page) opening(head, text string) {
	p.line(p.render(title, head))
	p.paragraph("", text)
}

func (p *page) closing(head, text string) {
	p.line("")
	p.line(p.render(title, head))
	p.paragraph("", text)
}

// begin starts the next step.
func (p *page) begin(head string) {
	p.step++
	p.line("")
	p.line(p.render(title, fmt.Sprintf("%d. %s", p.step, head)))
}

// note prints a remark.
func (p *page) note(text string) { p.paragraph(margin, text) }

// tell prints a labeled text: works after a success, fails after a failure, and
// hint for details.
func (p *page) tell(what, text string)  { p.item(plain, plain, what, text) }
func (p *page) works(what, text string) { p.item(good, plain, what, text) }
func (p *page) fails(what, text string) { p.item(bad, plain, what, text) }
func (p *page) hint(what, text string)  { p.item(faint, faint, what, text) }

// raw prints lines unchanged, below the last text.
func (p *page) raw(text string) {
	for l := range strings.SplitSeq(text, "\n") {
		p.line(margin + strings.Repeat(" ", column) + p.render(faint, l))
	}
}

// item prints the label in the first column and wraps the text in the second.
func (p *page) item(first, second style, what, text string) {
	for i, l := range wrap(text, width-len(margin)-column) {
		if i > 0 {
			what = ""
		}
		pad := strings.Repeat(" ", max(1, column-utf8.RuneCountInString(what)))
		p.line(margin + p.render(first, what) + pad + p.render(second, l))
	}
}

func (p *page) paragraph(indent, text string) {
	for _, l := range wrap(text, width-len(indent)) {
		p.line(indent + l)
	}
}

func (p *page) line(text string) { fmt.Fprintln(p.out, text) }

func count(n int, noun string) string {
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

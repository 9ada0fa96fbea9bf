package loosejson

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is the deepest nesting that is parsed: deeper than any error body, and
// harmless for the stack.
const maxDepth = 64

// A Found is a value and its position in the text.
type Found struct {
	Value      Value // an *Object or an Array
	Start, End int   // text[Start:End]
}

// Find returns the outermost objects and arrays in text, in order. A value that the
// end of the text cuts off counts, except for a number or a bare word, which may go
// on. Find subtracts the bytes that it reads from budget, some of them more than
// once, and stops when the budget is spent.
func Find(text string, budget *int) []Found {
	var found []Found
	for i := 0; i < len(text) && *budget > 0; {
		next := strings.IndexAny(text[i:], "{[(")
		if next < 0 {
			break
		}
		i += next
		if text[i] == '(' && (i == 0 || !isWord(text[i-1]) || !named.MatchString(text[i:min(len(text), i+maxName)])) {
			i++ // a sentence, or a call without named values
			continue
		}
		p := parser{text: text, pos: i, budget: budget}
		v, ok := p.value(0)
		if !ok {
			i++
			continue
		}
		found = append(found, Found{Value: v, Start: i, End: p.pos})
		i = p.pos
	}
	return found
}

// named is how the values of Python's Response(id='x', …) begin, and maxName the
// longest beginning that is read.
var named = regexp.MustCompile(`^\(\s*[A-Za-z_]\w*=`)

const maxName = 128

// Parse reads text as a single value of any kind, with white space around it.
func Parse(text string, budget *int) (Value, bool) {
	p := parser{text: text, budget: budget}
	p.space()
	v, ok := p.value(0)
	if !ok {
		return nil, false
	}
	p.space()
	return v, p.pos == len(text)
}

// Unescape removes one level of backslash escapes from a text, such as those of a
// value that is quoted within another.
func Unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			b.WriteByte(text[i])
			i++
			continue
		}
		i += escape(&b, text[i:])
	}
	return b.String()
}

type parser struct {
	text   string
	pos    int
	budget *int
}

func (p *parser) end() bool { return p.pos >= len(p.text) }

// step spends n bytes of the budget and reports whether there is any left.
func (p *parser) step(n int) bool {
	*p.budget -= n
	return *p.budget > 0
}

// space skips white space and comments.
func (p *parser) space() {
	start := p.pos
	for !p.end() {
		rest := p.text[p.pos:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			p.pos++
		case strings.HasPrefix(rest, "//"):
			p.pos += lineLen(rest)
		case strings.HasPrefix(rest, "/*"):
			if i := strings.Index(rest[2:], "*/"); i >= 0 {
				p.pos += i + 4
			} else {
				p.pos = len(p.text)
			}
		case strings.HasPrefix(rest, "\u00a0"):
			p.pos += len("\u00a0")
		default:
			p.step(p.pos - start)
			return
		}
	}
	p.step(p.pos - start)
}

func lineLen(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

// value reads one value. At the end of the text it returns nil, false.
func (p *parser) value(depth int) (Value, bool) {
	if p.end() || depth > maxDepth || !p.step(1) {
		return nil, false
	}
	switch c := p.text[p.pos]; {
	case c == '{':
		return p.object(depth, '}')
	case c == '[':
		return p.array(depth, ']')
	case c == '(' && named.MatchString(p.text[p.pos:min(len(p.text), p.pos+maxName)]):
		return p.object(depth, ')')
	case c == '(':
		return p.array(depth, ')')
	case c == '"' || c == '\'':
		return p.str(), true
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case c == '<':
		return p.opaque()
	case isWord(c):
		return p.word(depth)
	}
	return nil, false
}

// object reads the keys and values up to closing, which is ')' for Python's
// named values.
func (p *parser) object(depth int, closing byte) (Value, bool) {
	o := &Object{}
	p.pos++
	for {
		p.space()
		if p.end() {
			o.Cut = true
			return o, true
		}
		if p.text[p.pos] == closing {
			p.pos++
			return o, true
		}
		key, ok := p.key()
		if !ok {
			return nil, false
		}
		p.space()
		if p.end() {
			o.Cut = true
			return o, true
		}
		if !p.separator(closing) {
			return nil, false
		}
		p.space()
		if p.end() {
			o.Cut = true
			return o, true
		}
		v, ok := p.value(depth + 1)
		if !ok {
			return nil, false
		}
		o.Set(key, v)
		p.space()
		if !p.end() && p.text[p.pos] == ',' {
			p.pos++
		} else if !p.end() && p.text[p.pos] != closing {
			return nil, false
		}
	}
}

// key reads a quoted key or a bare one.
func (p *parser) key() (string, bool) {
	switch c := p.text[p.pos]; {
	case c == '"' || c == '\'':
		key, _ := p.quoted()
		return key, true
	case c == ':': // Ruby's symbols
		p.pos++
		if p.end() {
			return "", false
		}
	case !isWord(c):
		return "", false
	}
	start := p.pos
	for !p.end() && (isWord(p.text[p.pos]) || p.text[p.pos] == '-') {
		p.pos++
	}
	p.step(p.pos - start)
	name := p.text[start:p.pos]
	if prefixes[name] && !p.end() && (p.text[p.pos] == '"' || p.text[p.pos] == '\'') {
		name, _ = p.quoted()
		return name, true
	}
	return name, p.pos > start
}

// prefixes are the letters that Python writes before the quotes of a string.
var prefixes = map[string]bool{"b": true, "u": true, "r": true, "f": true, "rb": true, "br": true}

// separator reads the characters between a key and its value.
func (p *parser) separator(closing byte) bool {
	rest := p.text[p.pos:]
	switch {
	case strings.HasPrefix(rest, "=>"):
		p.pos += 2
	case rest[0] == ':' && closing == '}', rest[0] == '=' && closing == ')':
		p.pos++
	default:
		return false
	}
	return true
}

func (p *parser) array(depth int, closing byte) (Value, bool) {
	var a Array
	p.pos++
	for {
		p.space()
		if p.end() {
			a.Cut = true
			return a, true
		}
		if p.text[p.pos] == closing {
			p.pos++
			return a, true
		}
		v, ok := p.value(depth + 1)
		if !ok {
			return nil, false
		}
		a.Items = append(a.Items, v)
		p.space()
		if !p.end() && p.text[p.pos] == ',' {
			p.pos++
		} else if !p.end() && p.text[p.pos] != closing {
			return nil, false
		}
	}
}

// str reads a string value.
func (p *parser) str() Value {
	s, whole := p.quoted()
	if !whole {
		return Partial(s)
	}
	return s
}

// quoted reads a string up to the quote that it began with, or to the end of
// the text. Raw line breaks in it are kept.
func (p *parser) quoted() (s string, whole bool) {
	quote := p.text[p.pos]
	p.pos++
	start := p.pos
	for !p.end() && p.text[p.pos] != quote {
		if p.text[p.pos] == '\\' && p.pos+1 < len(p.text) {
			p.pos++
		}
		p.pos++
	}
	p.step(p.pos - start)
	p.pos = min(p.pos, len(p.text))
	s = p.text[start:p.pos]
	if !p.end() {
		p.pos++
		whole = true
	}
	return Unescape(s), whole
}

// escape writes the character of the escape sequence at the start of s and returns
// the length of the sequence. An invalid one is written unchanged.
func escape(b *strings.Builder, s string) int {
	if len(s) < 2 {
		b.WriteByte('\\')
		return 1
	}
	switch s[1] {
	case '"', '\'', '\\', '/':
		b.WriteByte(s[1])
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'b', 'f', 'v', 'a':
		b.WriteByte(' ')
	case 'x':
		r, ok := hex(s[2:], 2)
		if !ok {
			b.WriteString(`\x`)
			return 2
		}
		b.WriteRune(r)
		return 4
	case 'u':
		r, ok := hex(s[2:], 4)
		if !ok {
			b.WriteString(`\u`)
			return 2
		}
		if utf16.IsSurrogate(r) && strings.HasPrefix(s[6:], `\u`) {
			if low, ok := hex(s[8:], 4); ok {
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					b.WriteRune(pair)
					return 12
				}
			}
		}
		b.WriteRune(r)
		return 6
	default:
		b.WriteString(s[:2])
	}
	return 2
}

func hex(s string, n int) (rune, bool) {
	if len(s) < n {
		return 0, false
	}
	v, err := strconv.ParseUint(s[:n], 16, 16)
	return rune(v & 0xffff), err == nil
}

func (p *parser) number() (Value, bool) {
	start := p.pos
	for !p.end() && strings.IndexByte("+-.eE_0123456789", p.text[p.pos]) >= 0 {
		p.pos++
	}
	p.step(p.pos - start)
	if p.end() {
		return nil, true
	}
	s := strings.ReplaceAll(p.text[start:p.pos], "_", "")
	if _, err := strconv.ParseFloat(s, 64); errors.Is(err, strconv.ErrSyntax) {
		return nil, false // a number that is out of range is still a number
	}
	return Number(s), true
}

// opaque reads "<Response [424]>" and the like as a string.
func (p *parser) opaque() (Value, bool) {
	n := strings.IndexByte(p.text[p.pos:], '>')
	if n < 0 {
		p.step(len(p.text) - p.pos)
		return nil, false
	}
	p.step(n)
	s := p.text[p.pos : p.pos+n+1]
	p.pos += n + 1
	return s, true
}

// word reads a bare word: a constant, the prefix of a quoted string, or the name of
// a type before its value, such as JavaScript's "Headers {…}".
func (p *parser) word(depth int) (Value, bool) {
	start := p.pos
	for !p.end() && isWord(p.text[p.pos]) {
		p.pos++
	}
	p.step(p.pos - start)
	switch w := p.text[start:p.pos]; w {
	case "null", "None", "nil", "undefined", "NaN":
		return nil, true
	case "true", "True":
		return true, true
	case "false", "False":
		return false, true
	default:
		if p.end() {
			return nil, true // a constant may be cut off
		}
		if prefixes[w] && !p.end() && (p.text[p.pos] == '"' || p.text[p.pos] == '\'') {
			return p.str(), true
		}
		here := p.pos
		p.space()
		if !p.end() && (p.text[p.pos] == '{' || p.text[p.pos] == '(') {
			return p.value(depth + 1)
		}
		p.pos = here
		return w, true
	}
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c == '.' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf
}

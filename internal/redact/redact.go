package redact

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/toolgrant/toolgrant/internal/secret"
)

const (
	// window is how many bytes of a secret in a row reveal it. They are compared
	// as one number, so it is 8.
	window = 8
	// minShort is the length from which a secret shorter than a window counts:
	// fewer bytes occur in any text.
	minShort = 4
	// maxSecret bounds the cost: of a longer secret, the beginning and the end
	// count.
	maxSecret = 16 << 10
)

// A notation is a way to write the bytes of a secret.
type notation struct {
	// width is how many characters a window takes at least.
	width int
	forms func(text string) []string
}

var notations = [...]notation{
	{window, escaped},
	{2 * window, func(s string) []string { return []string{hex.EncodeToString([]byte(s))} }},
	{3 * window, func(s string) []string { return []string{percent(s)} }},
	// 8 bytes are 64 bits. Of these at least 60 fill ten characters of 6 bits.
	{10, aligned},
}

// A Redactor removes secrets from texts. The zero value removes nothing. It is
// immutable and safe for concurrent use.
type Redactor struct {
	// windows holds the folded text of each notation, 8 bytes at a time.
	windows [len(notations)]map[uint64]struct{}
	short   []string // folded secrets that are shorter than a window
}

// New returns a Redactor for secrets. Its size is a small multiple of theirs.
func New(secrets ...secret.Secret) *Redactor {
	r := &Redactor{}
	for _, s := range secrets {
		text := s.Expose()
		if len(text) < window {
			if len(text) >= minShort {
				r.short = append(r.short, fold(text))
			}
			continue
		}
		parts := []string{text}
		if len(text) > maxSecret {
			parts = []string{text[:maxSecret/2], text[len(text)-maxSecret/2:]}
		}
		for _, part := range parts {
			r.add(part)
		}
	}
	return r
}

func (r *Redactor) add(text string) {
	for i, n := range notations {
		if r.windows[i] == nil {
			r.windows[i] = make(map[uint64]struct{}, n.width*len(text)/window)
		}
		for _, form := range n.forms(text) {
			form = fold(form)
			for j := 0; j+window <= len(form); j++ {
				r.windows[i][at(form, j)] = struct{}{}
			}
		}
	}
}

// Redact returns text with "[redacted]" in place of each run of bytes that is
// part of a secret. The cost is linear in the text.
func (r *Redactor) Redact(text string) string {
	hidden := r.find(text)
	if hidden == nil {
		return text
	}
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !hidden[i]:
			b.WriteByte(text[i])
		case i == 0 || !hidden[i-1]:
			b.WriteString(secret.Placeholder)
		}
	}
	return b.String()
}

// Holds reports whether text holds a part of a secret.
func (r *Redactor) Holds(text string) bool { return r.find(text) != nil }

// find marks the bytes that are part of a secret; nil if none is.
func (r *Redactor) find(text string) []bool {
	folded := fold(text)
	var hidden []bool
	mark := func(from, to int) {
		if hidden == nil {
			hidden = make([]bool, len(text))
		}
		for i := from; i < to; i++ {
			hidden[i] = true
		}
	}
	for i, n := range notations {
		if len(r.windows[i]) == 0 {
			continue
		}
		run, marked := 0, 0 // windows in a row that are known; end of what is marked
		for j := 0; j+window <= len(folded); j++ {
			if _, ok := r.windows[i][at(folded, j)]; !ok {
				run = 0
				continue
			}
			if run++; run+window-1 >= n.width {
				mark(max(marked, j+1-run), j+window)
				marked = j + window
			}
		}
	}
	for _, short := range r.short {
		for from := 0; ; {
			i := strings.Index(folded[from:], short)
			if i < 0 {
				break
			}
			mark(from+i, from+i+len(short))
			from += i + len(short)
		}
	}
	return hidden
}

func at(s string, i int) uint64 { return binary.LittleEndian.Uint64([]byte(s[i : i+window])) }

// fold maps capitals to small letters, and the two characters in which base64
// and base64url differ to one another. Positions stay as they are.
func fold(s string) string {
	b := []byte(s)
	for i, c := range b {
		switch {
		case 'A' <= c && c <= 'Z':
			b[i] = c + 'a' - 'A'
		case c == '-':
			b[i] = '+'
		case c == '_':
			b[i] = '/'
		}
	}
	return string(b)
}

// escaped returns a text as it is and escaped for where it may stand.
func escaped(s string) []string {
	forms := []string{s, url.QueryEscape(s), url.PathEscape(s), strconv.QuoteToASCII(s), strings.ReplaceAll(s, "/", `\/`)}
	if text, err := json.Marshal(s); err == nil {
		forms = append(forms, string(text))
	}
	return distinct(forms)
}

// aligned returns the base64 of s behind 0, 1 and 2 other bytes, without the
// characters that those change.
func aligned(s string) []string {
	var forms []string
	for _, text := range distinct([]string{s, url.QueryEscape(s)}) { // RFC 6749 escapes both parts of a Basic pair
		for before := range 3 {
			form := base64.RawStdEncoding.EncodeToString([]byte("xx"[:before] + text))
			form = form[min((before*8+5)/6, len(form)):]
			forms = append(forms, form, url.QueryEscape(form))
		}
	}
	return distinct(forms)
}

func percent(s string) string {
	const digits = "0123456789abcdef"
	b := make([]byte, 0, 3*len(s))
	for _, c := range []byte(s) {
		b = append(b, '%', digits[c>>4], digits[c&15])
	}
	return string(b)
}

func distinct(all []string) []string {
	out := all[:1]
	for _, s := range all[1:] {
		if s != all[0] {
			out = append(out, s)
		}
	}
	return out
}

package failtext

import (
	"regexp"
	"strings"
)

// attribute returns the label in the caller's spelling, and reports whether it was
// sent.
func (r *reader) attribute(f Finding) (label string, sent bool) {
	if f.Label != "" {
		for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
			for _, e := range r.known.Sent {
				if same(e.Label, f.Label) || same(collapse(e.Label), collapse(f.Label)) {
					return e.Label, true
				}
			}
		}
		for _, e := range r.known.Sent {
			// A label that holds a quote may have been cut off there.
			if rest, ok := strings.CutPrefix(collapse(e.Label), f.Label); ok && boundaryQuote.MatchString(rest) {
				return "", false
			}
		}
		return f.Label, false
	}
	if f.Index != nil && *f.Index >= 0 && *f.Index < len(r.known.Tools) && r.known.Tools[*f.Index] != "" {
		return r.known.Tools[*f.Index], true
	}
	if f.Stage != StageListTools && f.Stage != StageCallTool {
		return "", false
	}
	var at []string
	for _, e := range r.known.Sent {
		if f.URL != "" && strings.TrimSuffix(e.URL, "/") == strings.TrimSuffix(f.URL, "/") {
			at = append(at, e.Label)
		}
	}
	switch {
	case len(at) == 1:
		return at[0], true
	case len(at) == 0 && len(r.known.Sent) == 1 && (f.URL == "" || r.known.Sent[0].URL == ""):
		return r.known.Sent[0].Label, true
	}
	return "", false
}

// quotedLabel reads the label at the beginning of t and returns the rest. A label
// may contain quotes, full stops and numbers: labels that were sent are compared
// first; any other label ends where the rest of the sentence begins.
func (r *reader) quotedLabel(t string) (label, rest string) {
	t = strings.TrimLeft(t, ": ")
	opening, closing := "", ""
	for _, pair := range [][2]string{{"'", "'"}, {`"`, `"`}, {"‘", "’"}, {"“", "”"}, {"`", "`"}, {"’", "’"}, {"”", "”"}} {
		if strings.HasPrefix(t, pair[0]) {
			opening, closing = pair[0], pair[1]
			break
		}
	}
	inner := t[len(opening):]
	for _, e := range r.known.Sent {
		sent := collapse(e.Label)
		if sent == "" || len(sent) <= len(label) || len(inner) < len(sent) || !strings.EqualFold(inner[:len(sent)], sent) {
			continue
		}
		after := inner[len(sent):]
		if opening != "" && strings.HasPrefix(after, closing) || opening == "" && boundary.MatchString(after) {
			label, rest = inner[:len(sent)], after[len(closing):]
		}
	}
	if label != "" || opening == "" {
		if label == "" {
			rest = t
		}
		return label, rest
	}
	for _, end := range []*regexp.Regexp{sentenceGoesOn, boundary} {
		for from := 0; ; {
			i := strings.Index(inner[from:], closing)
			if i < 0 {
				break
			}
			if after := inner[from+i+len(closing):]; end.MatchString(after) {
				return inner[:from+i], after
			}
			from += i + len(closing)
		}
	}
	if at := sentenceAfterLabel.FindStringIndex(inner); at != nil {
		return "", inner[at[0]:]
	}
	return "", "" // it is cut off within the label
}

var (
	sentenceGoesOn     = regexp.MustCompile(`(?i)^\s?[.,;:]?\s?\(?(?:http status|status code|json-rpc|reason\b)`)
	sentenceAfterLabel = regexp.MustCompile(`(?i)[.,;:]\s?\(?(?:http status|status code|json-rpc|reason\b)`)
	boundary           = regexp.MustCompile(`^(?:$|[\s.,;:)}\]"'’”<])`)
	boundaryQuote      = regexp.MustCompile("^[\"'`‘’“”]")
)

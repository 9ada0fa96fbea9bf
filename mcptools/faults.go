package mcptools

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/safetext"
)

// faults collects the faults of a configuration.
type faults []error

func (f *faults) addf(format string, args ...any) {
	*f = append(*f, errtext.Errorf("mcptools: "+format, args...))
}

func (f *faults) add(err error) {
	if err != nil {
		*f = append(*f, err)
	}
}

func (f *faults) err() error { return errors.Join(*f...) }

// names checks a list of tool names. An empty list that is not nil is refused,
// since OpenAI would allow no tool at all.
func (f *faults) names(field string, names []string) {
	if names != nil && len(names) == 0 {
		f.addf("%s is empty: leave it nil, or name a tool", field)
	}
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		switch {
		case n == "" || !printable(n):
			f.addf("%s holds %q, which is not a valid tool name", field, n)
		case seen[n]:
			f.addf("%s names %q twice", field, n)
		}
		seen[n] = true
	}
}

// callers checks AllowedCallers: the API takes no empty list.
func (f *faults) callers(callers []string) {
	f.names("AllowedCallers", callers)
	for _, c := range callers {
		if c != "direct" && c != "programmatic" {
			f.addf("AllowedCallers holds %q: must be direct or programmatic", c)
		}
	}
}

var tunnelID = regexp.MustCompile(`^tunnel_[a-z0-9]{32}$`)

func (f *faults) tunnel(id string) {
	if !tunnelID.MatchString(id) {
		f.addf("TunnelID %q: must be tunnel_ and 32 lower-case letters or digits", id)
	}
}

// connectorIDs are those of OpenAI's API reference.
var connectorIDs = []string{
	"connector_dropbox", "connector_gmail", "connector_googlecalendar", "connector_googledrive",
	"connector_microsoftteams", "connector_outlookcalendar", "connector_outlookemail", "connector_sharepoint",
}

func (f *faults) connector(id string) {
	if !slices.Contains(connectorIDs, id) {
		f.addf("connector id %q: OpenAI supports %s", id, strings.Join(connectorIDs, ", "))
	}
}

// label checks a server_label by the rule that OpenAI enforces and does not
// publish in its schema.
func (f *faults) label(label string) {
	for i, c := range []byte(label) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || !('0' <= c && c <= '9' || c == '-' || c == '_')) {
			f.addf("label %q: must begin with a letter and hold only letters, digits, '-' and '_'", label)
			return
		}
	}
	if label == "" {
		f.addf("label is empty")
	}
}

// printable reports whether text has no line breaks and no hidden characters.
func printable(text string) bool { return safetext.Line(text) == text }

package doctor

import (
	"net/url"
	"path"
	"regexp"
	"slices"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/providers"
)

var (
	// relayPathRE matches the end of a relay's server_url: the provider and the id of
	// the credential.
	relayPathRE = regexp.MustCompile(`/([a-z0-9_]+)/[A-Za-z0-9_-]{24}$`)
	// relayAnswerRE matches the body of a relay's own answer.
	relayAnswerRE = regexp.MustCompile(`"error"\s*:\s*\{\s*"kind"\s*:\s*"[a-z_]+"\s*,\s*"message"\s*:`)
)

// relayed returns the provider behind a relay's server_url; ok is false for any
// other URL.
func relayed(raw string) (p providers.Provider, ok bool) {
	u, err := url.Parse(raw)
	if err != nil {
		return p, false
	}
	m := relayPathRE.FindStringSubmatch(path.Clean(u.Path))
	if m == nil {
		return p, false
	}
	return providers.Lookup(m[1])
}

// relay gives advice on a relay that the text shows.
func (a *adviser) relay() {
	_, at := relayed(a.f.ServerURL)
	answered := relayAnswerRE.MatchString(a.text)
	if !answered && !at && !slices.ContainsFunc(a.seen, func(m mention) bool { return m.relay }) {
		return
	}
	a.ticket = a.f.Kind == mcptools.KindUnauthorized || a.f.Kind == mcptools.KindNotFound
	switch a.f.Kind { //nolint:exhaustive // the others say enough
	case mcptools.KindUnauthorized:
		a.say("The relay refused the ticket: it has expired, the account was disconnected or connected again, or another keyset sealed it. Build a new entry; if that is refused too, the relay and the program that builds entries must use the same store and keyset")
	case mcptools.KindNotFound:
		a.say("The ticket belongs to another path, or the relay is mounted elsewhere: the public URL must be the one that platforms use")
	case mcptools.KindReauthorize, mcptools.KindForbidden:
		a.say("The relay has no token that the MCP server accepts: the user must connect again")
	default:
		if answered {
			a.say("The relay itself answered: its log has a line for the request, with the cause")
		} else {
			a.say("The server_url is a relay's: its log has a line for the request, with the cause")
		}
	}
}

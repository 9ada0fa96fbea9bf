package doctor

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/providers"
)

// Advice is the catalogue's knowledge of a failure. It quotes nothing from the
// text that it was made from, except the host of a server URL and, in a command,
// a server URL that is free of secrets.
type Advice struct {
	// Provider is the id of the catalogue entry that the failure belongs to; ""
	// if that can't be told. For a retired entry it is the replacement.
	Provider  string
	Sentences []string // the cause and the fix, the most specific first
	Commands  []string // of the toolgrant command, in the order to run them; FILE, ID and URL are for the caller to fill in
}

// Advise adds the catalogue's knowledge to a failure that [mcptools.Classify]
// found in text. It finds the catalogue entry by the server label and by the
// URLs in text, and reports retired and refused URLs, tokens for other services,
// the ways to authenticate and the provider's known problems. It sends no
// request. f must not be nil.
func Advise(text string, f *mcptools.Failure) Advice {
	text = text[:min(len(text), maxRead)]
	a := &adviser{f: f, text: text, seen: mentions(text)}
	a.provider, a.known = a.subject()
	if f.Kind == mcptools.KindInvalidTool {
		a.request()
	}
	if f.Kind != mcptools.KindPlatform {
		a.relay()
		a.addresses()
		a.tokens()
		a.server()
	}
	a.request()
	a.next()
	out := Advice{Sentences: a.sentences, Commands: a.commands}
	if a.known {
		out.Provider = a.provider.ID
	}
	return out
}

const (
	maxRead     = 1 << 20 // bytes of a text
	maxMentions = 100     // URLs in a text
	maxToken    = 8 << 10 // bytes of a token
	maxNotes    = 3       // sentences about a provider's problems
)

// An adviser collects advice.
type adviser struct {
	f    *mcptools.Failure
	text string
	seen []mention

	provider providers.Provider // what the advice is about, if known
	known    bool
	refused  bool // one of the URLs must not be used
	ticket   bool // a relay refused the ticket, so the server's rules don't matter
	exact    string

	sentences, commands []string
}

// A mention is a URL in a text.
type mention struct {
	url      string
	provider providers.Provider // the catalogue entry at that URL
	known    bool               // there is one
	relay    bool               // the URL is a relay's for that entry
}

var urlRE = regexp.MustCompile(`https?://[^\s"'<>\\(){}\[\]|^` + "`" + `“”‘’]+`)

// mentions returns the URLs in a text, each once.
func mentions(text string) []mention {
	var all []mention
	for _, raw := range urlRE.FindAllString(text, -1) {
		raw = strings.TrimRight(raw, ".,;:!?*_…")
		if slices.ContainsFunc(all, func(m mention) bool { return m.url == raw }) {
			continue
		}
		m := mention{url: raw}
		if m.provider, m.known = providers.ByURL(raw); !m.known {
			m.provider, m.relay = relayed(raw)
			m.known = m.relay
		}
		if all = append(all, m); len(all) == maxMentions {
			break
		}
	}
	return all
}

// current returns the replacement of a retired provider, and any other provider
// unchanged.
func current(p providers.Provider) providers.Provider {
	if p.Retired != "" {
		if next, ok := providers.Lookup(p.ReplacedBy); ok {
			return next
		}
	}
	return p
}

// subject returns the provider that the failure belongs to: by its id, by the
// server URL of the failure, by the label, and else by the URLs in the text if
// they all belong to one vendor.
func (a *adviser) subject() (providers.Provider, bool) {
	if p, ok := providers.Lookup(a.f.Provider); ok {
		return current(p), true
	}
	if p, ok := providers.ByURL(a.f.ServerURL); ok {
		return current(p), true
	}
	if p, ok := relayed(a.f.ServerURL); ok {
		return current(p), true
	}
	if p, ok := labeled(a.f.ServerLabel); ok {
		return p, true
	}
	var found providers.Provider
	for _, m := range a.seen {
		if !m.known {
			continue
		}
		p := current(m.provider)
		switch {
		case found.ID == "":
			found = p
		case found.Vendor != p.Vendor:
			return providers.Provider{}, false
		}
	}
	return found, found.ID != ""
}

// labeled returns the provider with that id, label or name, in any spelling.
func labeled(label string) (providers.Provider, bool) {
	want := plainName(label)
	if want == "" {
		return providers.Provider{}, false
	}
	var found []providers.Provider
	for _, p := range providers.All() {
		for _, name := range []string{p.ID, p.Label, p.Name, p.Vendor} {
			if plainName(name) != want {
				continue
			}
			if name != p.Vendor {
				return current(p), true
			}
			if p.Retired == "" {
				found = append(found, p)
			}
			break
		}
	}
	if len(found) == 1 { // a vendor with one server
		return found[0], true
	}
	return providers.Provider{}, false
}

// plainName returns the letters and digits of a name in lower case, without the
// word MCP.
func plainName(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	words = slices.DeleteFunc(words, func(w string) bool { return w == "mcp" || w == "server" })
	return strings.Join(words, "")
}

func (a *adviser) say(sentence string) {
	sentence = strings.TrimSpace(sentence)
	if sentence == "" {
		return
	}
	sentence = strings.TrimSuffix(sentence, ".") + "."
	if !slices.Contains(a.sentences, sentence) {
		a.sentences = append(a.sentences, sentence)
	}
}

var (
	bothRE   = regexp.MustCompile(`(?i)cannot specify both\W+authorization\W`)
	prefixRE = regexp.MustCompile(`\bauthorization["'“”‘’]?\s*[:=]\s*f?["'“”‘’]Bearer\s`)
)

// request gives advice on the entry as it was sent.
func (a *adviser) request() {
	bearer := true
	if a.known {
		if w, ok := a.provider.Way(""); ok && w.Kind != providers.WayNone {
			bearer = w.Bearer()
		}
	}
	switch both := bothRE.MatchString(a.text); {
	case both && bearer:
		a.say("OpenAI takes the token in one place only: leave out the Authorization header in headers, and keep the field authorization with the raw token, without Bearer")
	case both:
		a.say("OpenAI takes the token in one place only: leave out the field authorization, and keep the headers that carry the credential of " + a.provider.Name)
	}
	if prefixRE.MatchString(a.text) {
		a.say("The field authorization takes the raw token, without Bearer: OpenAI adds that word")
	}
}

// addresses gives advice on the provider's URLs in the text.
func (a *adviser) addresses() {
	for _, m := range a.seen {
		if !m.known || m.relay || !a.known || m.provider.Vendor != a.provider.Vendor || isAPI(a.provider, m.url) {
			continue
		}
		host := hostOf(m.url)
		if m.provider.Retired != "" {
			a.refused = true
			if m.url == m.provider.Server.URL || slices.Contains(m.provider.Server.Alternates, m.url) {
				a.say("The URL " + m.url + " is retired. " + m.provider.Retired)
			} else {
				a.say("The URL on " + host + " is retired. " + m.provider.Retired)
			}
			continue
		}
		if _, err := m.provider.ServerURL(m.url); err != nil {
			a.refused = true
			a.say("The URL on " + host + " can't be a server_url: " + sentence(err))
			continue
		}
		if m.provider.ID == a.provider.ID {
			a.exact = m.url
		}
		if own := m.provider.Server.URL; strings.HasSuffix(m.url, "/sse") && own != m.url && !strings.Contains(own, "{") {
			a.say("The URL that ends in /sse is an older one: the server_url of " + m.provider.Name + " is " + own)
		}
	}
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "an unknown host"
	}
	return strings.ToLower(u.Hostname())
}

// isAPI reports whether a URL is one of the vendor's REST API.
func isAPI(p providers.Provider, raw string) bool {
	return slices.ContainsFunc(p.Server.Refused, func(r providers.Refused) bool {
		matches, err := regexp.MatchString(r.Pattern, raw)
		return r.API && err == nil && matches
	})
}

var (
	wordRE = regexp.MustCompile(`[A-Za-z0-9_\-.+/=:~]{12,}`)
	// accessKinds are the kinds in which the credential may be the cause.
	accessKinds = []mcptools.Kind{
		mcptools.KindUnauthorized, mcptools.KindForbidden, mcptools.KindNotConnected, mcptools.KindReauthorize,
		mcptools.KindWrongAudience, mcptools.KindWrongTokenKind, mcptools.KindNoTools,
	}
	// addressKinds are those in which the URL may be the cause.
	addressKinds = []mcptools.Kind{
		mcptools.KindNotFound, mcptools.KindWrongEndpoint, mcptools.KindUnreachable, mcptools.KindProtocol, mcptools.KindBadRequest,
	}
)

func (a *adviser) is(kinds []mcptools.Kind) bool { return slices.Contains(kinds, a.f.Kind) }

// tokens gives advice on the tokens in the text, and on the kind of token that
// the server takes.
func (a *adviser) tokens() {
	for i, word := range wordRE.FindAllString(a.text, -1) {
		if i == 1000 {
			break
		}
		r, ok := providers.Recognize(word[:min(len(word), maxToken)])
		if !ok || len(word) > maxToken || r.Certainty != providers.Certain || r.Kind == "" {
			continue
		}
		a.say("The text contains a secret (" + r.Name + "): revoke it if others can read the text")
		if a.known && (a.is(accessKinds) || a.f.Kind == mcptools.KindUnknown) {
			if _, err := a.provider.CheckToken(a.provider.WayOf(word).ID, word); err != nil {
				a.say(sentence(err))
			}
		}
		break
	}
	if !a.known || a.ticket || !a.is(accessKinds) {
		return
	}
	p := a.provider
	called := slices.ContainsFunc(a.seen, func(m mention) bool { return isAPI(p, m.url) })
	if p.RESTToken == providers.No && p.Ways[0].Kind != providers.WayNone {
		if called {
			a.say("The text shows a call of the vendor's REST API, so the token is most likely a REST token. " + p.Check.Note)
		}
		a.say("A token of the REST API of " + p.Vendor + " does not work on the MCP server, in whichever field it is sent: get one that was issued for the MCP server")
	}
}

// server gives advice from the catalogue entry: its URL, its ways to
// authenticate and its known problems.
func (a *adviser) server() {
	if !a.known || a.ticket || a.is([]mcptools.Kind{mcptools.KindInvalidTool, mcptools.KindInvalidHistory, mcptools.KindUnsupported, mcptools.KindToolFailed}) {
		return
	}
	p := a.provider
	if own, err := p.ServerURL(""); err == nil && own != "" && a.exact == "" && (a.refused || a.is(addressKinds) || a.is(accessKinds)) {
		a.say("The server_url of " + p.Name + " is " + own)
	} else if err != nil && a.exact == "" && a.is(addressKinds) {
		a.say(sentence(err))
	}
	for _, h := range p.Headers {
		if h.Required && h.Value == "" && (a.is(addressKinds) || a.is(accessKinds)) {
			a.say("The server requires the header " + h.Name + ": " + h.Doc)
		}
	}
	if a.refused || a.is(accessKinds) {
		for _, w := range p.Ways {
			if w.Kind != providers.WayNone || len(p.Ways) == 1 {
				a.say("A way to authenticate: " + w.Name + ". " + w.Obtain)
			}
		}
	}
	a.notes()
}

// notes adds the provider's known problems that mention the failure's status, or
// suit its kind. Those about metadata are for clients that discover it.
func (a *adviser) notes() {
	var terms []string
	if s := a.f.UpstreamStatus; s != 0 {
		terms = append(terms, strconv.Itoa(s))
	}
	switch {
	case a.f.Kind == mcptools.KindUnauthorized:
		terms = append(terms, strconv.Itoa(http.StatusUnauthorized))
	case a.f.Kind == mcptools.KindForbidden:
		terms = append(terms, "scope", "dministrator", "permission", strconv.Itoa(http.StatusForbidden))
	case a.f.Kind == mcptools.KindRateLimited:
		terms = append(terms, "limit", "per minute", "per hour")
	case a.is(addressKinds):
		terms = append(terms, "URL", "transport", "/sse")
	}
	n := 0
	for _, term := range terms {
		re := regexp.MustCompile(`(^|\W)` + regexp.QuoteMeta(term) + `(\W|$|s\W)`)
		for _, s := range slices.Concat(a.provider.Quirks, a.provider.Hazards) {
			if n < maxNotes && re.MatchString(s) && !strings.Contains(s, "etadata") && !slices.Contains(a.sentences, s) {
				a.say(s)
				n++
			}
		}
	}
}

// next adds the commands to run.
func (a *adviser) next() {
	if !a.known {
		a.nextUnknown()
		return
	}
	p, name := a.provider, a.name()
	switch {
	case a.f.Kind == mcptools.KindPlatform, a.f.Kind == mcptools.KindInvalidHistory, a.f.Kind == mcptools.KindUnsupported, a.f.Kind == mcptools.KindToolFailed:
	case a.ticket:
		a.run("status", name)
		a.run("entry", name, "--relay", "URL")
	case a.f.Kind == mcptools.KindInvalidTool:
		a.run("entry", name)
	case a.refused, a.is(accessKinds):
		a.run(obtain(p, name)...)
		if a.is(accessKinds) && p.Ways[0].Kind != providers.WayNone {
			a.run("doctor", name)
		}
		a.run("entry", name)
	case a.f.Kind == mcptools.KindUnknown && len(a.sentences) == 0:
	default:
		a.run("doctor", name)
	}
}

// nextUnknown adds the commands for a server outside the catalogue.
func (a *adviser) nextUnknown() {
	target := a.unlisted()
	switch {
	case a.f.Kind == mcptools.KindPlatform, a.f.Kind == mcptools.KindUnknown, a.f.Kind == mcptools.KindInvalidHistory,
		a.f.Kind == mcptools.KindUnsupported, a.f.Kind == mcptools.KindToolFailed, target == "":
	case a.f.Kind == mcptools.KindInvalidTool:
		a.run("entry", target)
	case a.is(accessKinds):
		a.run("doctor", target, "--token-file", "FILE")
		a.run("connect", target)
	default:
		a.run("doctor", target)
	}
}

func (a *adviser) run(words ...string) {
	if len(words) > 0 {
		a.commands = append(a.commands, "toolgrant "+strings.Join(words, " "))
	}
}

// name returns the provider's id, with a URL where each customer has one.
func (a *adviser) name() string {
	p := a.provider
	if _, err := p.ServerURL(""); err != nil {
		return p.ID + "=" + cmp.Or(shellSafe(a.exact), "URL")
	}
	if a.exact != "" && a.exact != p.Server.URL && shellSafe(a.exact) != "" && !strings.HasSuffix(a.exact, "/sse") {
		return p.ID + "=" + a.exact
	}
	return p.ID
}

var (
	labelRE = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)
	safeRE  = regexp.MustCompile(`^https://[A-Za-z0-9.:/_~-]+$`)
	// opaqueRE matches parts of a path that may be secrets.
	opaqueRE = regexp.MustCompile(`[A-Za-z0-9_-]{24,}`)
)

// shellSafe returns a URL that needs no quotes in a shell and has no part that
// may be a secret, else "".
func shellSafe(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || !safeRE.MatchString(raw) || opaqueRE.MatchString(u.Path) {
		return ""
	}
	return raw
}

// unlisted returns LABEL=URL for a server outside the catalogue; "" if the
// failure belongs to no server.
func (a *adviser) unlisted() string {
	label := a.f.ServerLabel
	if !labelRE.MatchString(label) {
		label = "LABEL"
	}
	at := shellSafe(a.f.ServerURL)
	if a.f.ServerLabel == "" && a.f.ServerURL == "" && a.f.Stage != mcptools.StageListTools && a.f.Stage != mcptools.StageCallTool {
		return ""
	}
	return label + "=" + cmp.Or(at, "URL")
}

// obtain returns the command that gets a credential in the provider's best way
// that is open to a new client.
func obtain(p providers.Provider, name string) []string {
	ways := slices.Clone(p.Ways)
	slices.SortStableFunc(ways, func(x, y providers.Way) int { return closed(x) - closed(y) })
	switch w := ways[0]; w.Kind {
	case providers.WayNone:
		return nil
	case providers.WayKey:
		words := []string{"import", name, "--token-file", "FILE"}
		if p.Ways[0].ID != w.ID {
			words = append(words, "--way", w.ID)
		}
		return words
	case providers.WayMachine:
		return []string{"connect", name, "--client-credentials", "--client-id", "ID", "--client-secret-file", "FILE"}
	default:
		words := []string{"connect", name}
		switch {
		case w.Registration == providers.RegistrationPaused:
			return []string{"providers", p.ID}
		case w.Registration != providers.RegistrationManual:
		case slices.Contains(p.OAuth.AuthMethods, "none"):
			words = append(words, "--client-id", "ID")
		default:
			words = append(words, "--client-id", "ID", "--client-secret-file", "FILE")
		}
		return words
	}
}

// closed orders ways by whether a new client can use them.
func closed(w providers.Way) int {
	switch w.Registration {
	case providers.RegistrationPaused:
		return 2
	case providers.RegistrationRestricted:
		return 1
	case providers.RegistrationUnknown, providers.RegistrationOpen, providers.RegistrationManual:
	}
	return 0
}

package providers

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A WrongTokenError says that a text is surely not the token that a provider
// wants. Its text holds no part of it.
type WrongTokenError struct {
	Provider   string      // id
	Way        string      // id of the way that it was given for
	Recognized Recognition // what it is; Kind is "" where it is no token at all
	Sentence   string      // what it is, and what to do
}

// Error returns "providers: id: sentence".
func (e *WrongTokenError) Error() string { return "providers: " + e.Provider + ": " + e.Sentence }

// WayOf returns the way that a bare token without a refresh token belongs to:
// the one that takes its kind, of a key before others; else that of a key without a known shape, such
// as Zapier's connection token; else, and for a JWT, the first way. What it
// returns is where to start: [Provider.CheckToken] may still refuse the token.
func (p Provider) WayOf(token string) Way {
	r, ok := Recognize(token)
	if ok {
		takes := slices.DeleteFunc(slices.Clone(p.Ways), func(w Way) bool { return !slices.Contains(w.Takes, r.Kind) })
		if i := slices.IndexFunc(takes, func(w Way) bool { return w.Kind == WayKey }); i >= 0 {
			return takes[i]
		}
		if len(takes) > 0 {
			return takes[0]
		}
	}
	for _, w := range p.Ways {
		if w.Kind == WayKey && !w.hasShape() && len(w.Secrets()) == 0 && r.JWT == nil {
			return w
		}
	}
	for _, w := range p.Ways {
		if w.Kind != WayNone {
			return w
		}
	}
	w, _ := p.Way("")
	return w
}

// hasShape reports whether the tokens of a way are known by their shape.
func (w Way) hasShape() bool {
	return slices.ContainsFunc(w.Takes, func(k TokenKind) bool {
		r, _ := kindOf(k)
		return r.Certainty != Hint
	})
}

// CheckToken refuses, with a [*WrongTokenError], what is surely not a token of
// that way ("" is the first): texts that are no bare token, JWTs that are
// expired or for another server, and tokens of another kind or vendor. A server
// without a vendor takes other vendors' tokens, and keys of AI platforms and
// clouds, only where Way.Takes lists their kind. It asks
// nobody and never proves anything: what it lets pass may still be wrong. The
// warning, if not empty, is a sentence for people about a token that may well
// be wrong.
func (p Provider) CheckToken(way, token string) (warning string, err error) {
	w, ok := p.Way(way)
	if !ok {
		return "", fmt.Errorf("providers: %s has no way %q", p.ID, way)
	}
	wrong := func(r Recognition, format string, args ...any) (string, error) {
		return "", &WrongTokenError{Provider: p.ID, Way: w.ID, Recognized: r, Sentence: fmt.Sprintf(format, args...)}
	}
	if w.Kind == WayNone {
		return wrong(Recognition{}, "%s asks for no token; a token that is sent there is only given away", p.Name)
	}
	if why := noToken(token); why != "" {
		return wrong(Recognition{}, "%s", why)
	}
	r, ok := Recognize(token)
	taken := slices.Contains(w.Takes, r.Kind)
	if !ok || taken && r.JWT == nil {
		return "", nil
	}
	if r.Never != "" && !taken {
		return wrong(r, "this is %s. %s %s", r.named(), r.Never, p.instead(w))
	}
	for _, x := range p.Wrong {
		switch {
		case x.Kind == r.Kind && x.Works:
			return fmt.Sprintf("this is %s. %s", r.named(), x.Why), nil
		case x.Kind == r.Kind:
			return wrong(r, "this is %s. %s %s", r.named(), x.Why, p.instead(w))
		}
	}
	for _, other := range p.Ways {
		if r.Certainty == Certain && slices.Contains(other.Takes, r.Kind) && !slices.Contains(w.Takes, r.Kind) {
			return wrong(r, "this is %s, which belongs to the way %s, not %s", r.named(), other.ID, w.ID)
		}
	}
	if r.JWT != nil {
		if why := p.wrongJWT(r.JWT); why != "" {
			return wrong(r, "this is %s, and %s. %s", r.named(), why, p.instead(w))
		}
		if r.Kind == "jwt" || taken {
			return p.foreignAudience(r.JWT), nil
		}
	}
	switch {
	case p.Vendor == "" && (r.Certainty == Certain || r.Kind == kindAIKey):
		return wrong(r, "this is %s, and nothing says that %s takes one (kind %s). %s", r.named(), p.Name, r.Kind, p.instead(w))
	case r.Kind == kindAIKey && (w.Kind != WayKey || w.hasShape()):
		return wrong(r, "this is %s, not a token for %s. %s", r.named(), p.Name, p.instead(w))
	case r.Certainty != Certain && r.Vendor == p.Vendor:
		return fmt.Sprintf("this looks like %s, but no shape tells which of %s's servers it is for: only the MCP server can say", r.named(), p.Vendor), nil
	case r.Certainty != Certain:
		return fmt.Sprintf("this looks like %s; is it the right one for %s?", r.named(), p.Name), nil
	case r.Vendor != p.Vendor:
		return wrong(r, "this is %s, not a token for %s. %s", r.named(), p.Name, p.instead(w))
	case p.RESTToken == No:
		return wrong(r, "this is %s, and the MCP server takes no token of the REST API. %s", r.named(), p.instead(w))
	}
	return fmt.Sprintf("this is %s; nobody says that %s's MCP server takes one", r.named(), p.Name), nil
}

// named returns the name with its article.
func (r Recognition) named() string {
	if strings.ContainsAny(r.Name[:1], "AEIOU") || strings.HasPrefix(r.Name, "NV") || strings.HasPrefix(r.Name, "npm") ||
		strings.HasPrefix(r.Name, "xAI") || strings.HasPrefix(r.Name, "HCP") {
		return "an " + r.Name
	}
	return "a " + r.Name
}

// instead says what to do in place of using the wrong token.
func (p Provider) instead(w Way) string {
	if w.Obtain == "" {
		return fmt.Sprintf("%s wants its %s.", p.Name, w.Name)
	}
	return fmt.Sprintf("%s wants its %s: %s", p.Name, w.Name, w.Obtain)
}

var (
	schemeRE      = regexp.MustCompile(`(?i)^(bearer|basic|token|sentry-bearer|authorization)([ \t]|:|$|[ \t]*token=)`)
	placeholderRE = regexp.MustCompile(`(?i)^\$|\$\{|\{\{|^<.*>$|^%[a-z_]+%$|^(your|my|the|insert|paste|replace|example|dummy)[ _-].*(token|key|secret|here)|^(x{4,}|\*{3,}|\.{3,}|changeme|redacted|\[redacted\]|token|secret|null|undefined|none|nil)$|\.\.\.$|…`)
)

// maxToken is the longest token that is believed, in bytes: headers that are
// longer are refused by most servers.
const maxToken = 16 << 10

// noToken returns why a text is no bare token, whosever it is.
func noToken(token string) string {
	const bare = "give the bare token"
	switch {
	case strings.TrimSpace(token) == "":
		return "the token is empty"
	case schemeRE.MatchString(token):
		return "the token begins with the name of a scheme, such as \"Bearer \": " + bare + ", the scheme is added where it is sent"
	case strings.HasPrefix(token, "http://") || strings.HasPrefix(token, "https://"):
		return "this is a URL, not a token"
	case strings.HasPrefix(token, "{") || strings.HasPrefix(token, "["):
		return "this is JSON, not a token: give the value of access_token only"
	case placeholderRE.MatchString(token):
		return "this is a placeholder, not a token: was a variable not set?"
	case strings.ContainsAny(token, "\"'`"):
		return "the token holds quotation marks: " + bare
	case strings.ContainsFunc(token, isControlOrSpace):
		return "the token holds white space, a line break or a control character: " + bare
	case !isFieldText(token):
		return "the token holds characters that no header can carry"
	case len(token) > maxToken:
		return fmt.Sprintf("the token is longer than %d bytes, which no server takes", maxToken)
	}
	return ""
}

// skew is how far a clock may be off.
const skew = time.Minute

// graphAudiences are those of Microsoft Graph, whose tokens are mistaken for
// those of Microsoft's MCP servers.
var graphAudiences = []string{"https://graph.microsoft.com", "https://graph.microsoft.com/", "00000003-0000-0000-c000-000000000000"}

// wrongJWT returns why a JWT is surely not for the provider.
func (p Provider) wrongJWT(j *JWT) string {
	if !j.Expiry.IsZero() && time.Since(j.Expiry) > skew {
		return "it has expired"
	}
	if len(j.Audience) == 0 || p.ownAudience(j) {
		return ""
	}
	if p.OAuth.Audiences != nil {
		return "it is for another audience than this MCP server"
	}
	for _, aud := range j.Audience {
		if slices.Contains(graphAudiences, aud) && p.Vendor != "" && p.Vendor != "Microsoft" && p.RESTToken != Yes {
			return "it is for Microsoft Graph"
		}
		if q, ok := ByURL(aud); ok && strings.HasPrefix(aud, "https://") && q.Vendor != p.Vendor {
			return "it is for " + q.Name
		}
	}
	return ""
}

// ownAudience reports whether one of the audiences is the provider's.
func (p Provider) ownAudience(j *JWT) bool {
	own := slices.Concat([]string{p.Server.URL, p.OAuth.Resource}, p.OAuth.Resources, p.OAuth.Audiences, p.Server.Alternates)
	return slices.ContainsFunc(j.Audience, func(aud string) bool { return aud != "" && slices.Contains(own, aud) })
}

// foreignAudience warns of a JWT that names another host. It is no refusal:
// audiences are often names of APIs, not URLs of servers.
func (p Provider) foreignAudience(j *JWT) string {
	if p.ownAudience(j) {
		return ""
	}
	for _, aud := range j.Audience {
		u, err := url.Parse(aud)
		own, _ := url.Parse(p.Server.URL)
		if err == nil && u.Host != "" && own != nil && own.Host != "" && u.Host != own.Host {
			return "this token is a JWT whose audience is another host than " + p.Name + "'s MCP server: it may not be for it"
		}
	}
	return ""
}

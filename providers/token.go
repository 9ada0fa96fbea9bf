package providers

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// A WrongTokenError reports that a text is certainly not a token that a provider
// takes. The error's text holds no part of it. Its methods are safe for concurrent
// use.
type WrongTokenError struct {
	Provider   string      // id of the provider
	Way        string      // id of the way that the text was passed for
	Recognized Recognition // the recognized kind; Kind is "" for a text that is not a token
	Detail     string      // the reason, and the fix
}

// Error returns "providers: id: detail".
func (e *WrongTokenError) Error() string { return "providers: " + e.Sentence() }

// Sentence returns the text of Error without the name of the package.
func (e *WrongTokenError) Sentence() string { return e.Provider + ": " + e.Detail }

// WayOf returns the way that a bare token without a refresh token most likely
// belongs to: a way that takes its kind, first one of a key; else a key without
// a known shape, such as Zapier's connection token; else, and for a JWT, the
// first way. [Provider.CheckToken] may still refuse the token.
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

// hasShape reports whether the tokens of a way have a known shape.
func (w Way) hasShape() bool {
	return slices.ContainsFunc(w.Takes, func(k TokenKind) bool {
		r, _ := kindOf(k)
		return r.Certainty != Hint
	})
}

// CheckToken reports whether a text may be a token of that way; "" is the first.
// It returns a [*WrongTokenError] for a text that is certainly not one: text
// that is not a bare token, a JWT that is expired or for another server, and a
// token of another kind or vendor. A server without a vendor takes other
// vendors' tokens, and keys of AI platforms and clouds, only where Way.Takes
// lists their kind. CheckToken asks no server and proves nothing: a token
// without an error may still be wrong. The warning, if not empty, is a sentence
// for people about a token that may well be wrong.
func (p Provider) CheckToken(way, token string) (warning string, err error) {
	w, ok := p.Way(way)
	if !ok {
		return "", errtext.Errorf("providers: %s has no way %q", p.ID, way)
	}
	wrong := func(r Recognition, format string, args ...any) (string, error) {
		return "", &WrongTokenError{Provider: p.ID, Way: w.ID, Recognized: r, Detail: fmt.Sprintf(format, args...)}
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
		return fmt.Sprintf("this looks like %s: check that it is the right one for %s", r.named(), p.Name), nil
	case r.Vendor != p.Vendor:
		return wrong(r, "this is %s, not a token for %s. %s", r.named(), p.Name, p.instead(w))
	case p.RESTToken == No:
		return wrong(r, "this is %s, and the MCP server takes no token of the REST API. %s", r.named(), p.instead(w))
	}
	return fmt.Sprintf("this is %s; no source says whether %s's MCP server takes one", r.named(), p.Name), nil
}

// named returns the name with its article.
func (r Recognition) named() string {
	if strings.ContainsAny(r.Name[:1], "AEIOU") || strings.HasPrefix(r.Name, "NV") || strings.HasPrefix(r.Name, "npm") ||
		strings.HasPrefix(r.Name, "xAI") || strings.HasPrefix(r.Name, "HCP") {
		return "an " + r.Name
	}
	return "a " + r.Name
}

// instead returns a sentence that names the right token.
func (p Provider) instead(w Way) string {
	if w.Obtain == "" {
		return fmt.Sprintf("%s takes its %s.", p.Name, w.Name)
	}
	return fmt.Sprintf("%s takes its %s: %s", p.Name, w.Name, w.Obtain)
}

var (
	schemeRE      = regexp.MustCompile(`(?i)^(bearer|basic|token|sentry-bearer|authorization)([ \t]|:|$|[ \t]*token=)`)
	placeholderRE = regexp.MustCompile(`(?i)^\$|\$\{|\{\{|^<.*>$|^%[a-z_]+%$|^(your|my|the|insert|paste|replace|example|dummy)[ _-].*(token|key|secret|here)|^(x{4,}|\*{3,}|\.{3,}|changeme|redacted|\[redacted\]|token|secret|null|undefined|none|nil)$|\.\.\.$|…`)
)

// maxToken is the maximum length of a token in bytes: most servers reject longer
// headers.
const maxToken = 16 << 10

// noToken returns why a text is not a bare token of any server; "" if it may be
// one.
func noToken(token string) string {
	const bare = "give the bare token"
	switch {
	case strings.TrimSpace(token) == "":
		return "the token is empty"
	case schemeRE.MatchString(token):
		return "the token begins with a scheme, such as \"Bearer \": " + bare + ", to which the scheme is added when it is sent"
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
		return "the token holds characters that headers can't carry"
	case len(token) > maxToken:
		return fmt.Sprintf("the token is longer than %d bytes, the maximum here", maxToken)
	}
	return ""
}

// skew is the tolerated difference of clocks.
const skew = time.Minute

// graphAudiences are the audiences of Microsoft Graph, whose tokens are mistaken
// for tokens of Microsoft's MCP servers.
var graphAudiences = []string{"https://graph.microsoft.com", "https://graph.microsoft.com/", "00000003-0000-0000-c000-000000000000"}

// wrongJWT returns why a JWT is certainly not for the provider; "" if it may be.
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

// foreignAudience returns a warning for a JWT that names another host. Audiences
// are often names of APIs and not URLs of servers, so it only warns.
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

package connect

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// Names of the inputs of the form for a key. No page ever shows their values.
const (
	keyInput     = "key"
	secretPrefix = "secret." // precedes the name of a further secret
)

// keyPage asks for a key. problems are by the name of the input.
func (w *Web) keyPage(rw http.ResponseWriter, v *visit) *page {
	name := v.whole.Name
	p := &page{
		Status: http.StatusOK, Heading: "Connect " + name,
		Text:  []string{"Create a key at " + name + " and paste it here. " + w.site() + " stores it encrypted and uses it to act for you at " + name + "."},
		Form:  &form{Button: "Connect", Fields: v.hidden(w.issue(rw, v)), Inputs: v.accountInputs()},
		Links: w.otherWays(v),
	}
	if server := v.server(); server != "" {
		host := hostOf(server)
		p.Facts = []field{{"Server", host}}
		if w.unnamed(v, server) {
			p.Tone, p.Form.Button = toneWarn, "Connect to "+host
			p.Text = append(p.Text, "The key is sent to "+host+". Continue only if that is your server.")
		}
	}
	if v.ask.Account != "" && !v.another() {
		p.Facts = append(p.Facts, field{"Account", v.ask.Account})
	}
	key := input{Name: keyInput, Type: "password", Label: safetext.Capital(v.way.Name), Hint: v.way.Obtain, Required: true}
	if strings.Contains(v.way.Name, " and ") {
		key.Label = "Key"
	}
	p.Form.Inputs = append(p.Form.Inputs, key)
	for _, secret := range v.way.Secrets() {
		in := input{Name: secretPrefix + secret, Type: "password", Label: safetext.Capital(strings.ReplaceAll(secret, "_", " ")), Required: true}
		if slices.ContainsFunc(v.way.Carry, func(c providers.Carry) bool { return c.User == secret }) {
			in.Type = "text" // a user name
		}
		p.Form.Inputs = append(p.Form.Inputs, in)
	}
	for i := range p.Form.Inputs {
		in := &p.Form.Inputs[i]
		if problem, ok := v.problems[in.Name]; ok {
			in.Problem = problem
		}
		if in.Problem != "" {
			p.Status, p.Tone = cmp.Or(v.status, http.StatusBadRequest), toneBad
		}
	}
	return p
}

// unnamed reports whether only the visit's link, or its user, names the server:
// neither the provider's data nor an application does.
func (w *Web) unnamed(v *visit, server string) bool {
	return v.whole.AdmitsAnyHost() && len(w.connector.opts.Apps.forServer(spot{owner: v.owner, server: server})) == 0
}

// importKey stores the key of a form. The form names a way of the provider and
// its secrets, and nothing else of a [Token]: neither an application nor an
// endpoint.
func (w *Web) importKey(rw http.ResponseWriter, r *http.Request, v *visit) {
	v.problems = map[string]string{}
	read := func(name string) oauthstore.Secret {
		text := strings.TrimSpace(v.values.Get(name))
		if text == "" {
			v.problems[name] = "This is missing."
		}
		return oauthstore.NewSecret(text)
	}
	token := Token{Way: v.way.ID, AccessToken: read(keyInput), Secrets: map[string]oauthstore.Secret{}}
	for _, name := range v.way.Secrets() {
		token.Secrets[name] = read(secretPrefix + name)
	}
	if len(v.problems) > 0 {
		w.ask(rw, r, v)
		return
	}
	result, err := w.connector.Import(w.acting(r, v.owner), v.provider, v.owner, token, &v.ask)
	if e, ok := errors.AsType[*Error](err); ok {
		w.log(r.Context(), e)
		problem := keyProblem(v.whole.Name, e)
		if problem == "" {
			w.fail(rw, r, v.whole.Name, &v.ask, err)
			return
		}
		v.problems[keyInput] = problem
		if e.Kind == KindUnavailable {
			v.status = http.StatusServiceUnavailable
		}
		w.ask(rw, r, v)
		return
	}
	back := orElse(v.ask.ReturnTo, w.listURL("", v.id))
	if usable(&result) {
		http.Redirect(rw, r, back, http.StatusSeeOther)
		return
	}
	p := endPage(v.whole.Name, result, err)
	p.Tone = toneWarn
	p.Links = []link{{URL: back, Text: "Continue", Primary: true}}
	w.write(rw, p)
}

// keyProblem returns why a key was not stored, for a person who can enter
// another; "" if another key does not help.
func keyProblem(name string, e *Error) string {
	switch e.Kind { //nolint:exhaustive // the others have pages
	case KindWrongToken:
		why := e.Detail
		if wrong, ok := errors.AsType[*providers.WrongTokenError](e); ok {
			why, _, _ = strings.Cut(wrong.Detail, ". ") // the form says what is right
		}
		return safetext.Capital(strings.TrimSuffix(why, ".")) + ". It was sent to no server and not stored."
	case KindRejected:
		why := name + " rejects it. Check that it is complete, still valid, and has the needed permissions."
		if refused, ok := errors.AsType[*oauthstore.Error](e.Err); ok {
			switch refused.Reason { //nolint:exhaustive // the others say no more
			case oauthstore.ReasonExpired:
				why = name + " says that it has expired. Create a new one."
			case oauthstore.ReasonRevoked:
				why = name + " says that it was revoked. Create a new one."
			case oauthstore.ReasonScope:
				why = name + " accepts it, but it has too few permissions. Create one with all needed permissions."
			case oauthstore.ReasonAudience:
				why = name + " says that it is for another service."
			}
		}
		return why + " It was not stored."
	case KindUnavailable:
		return name + " does not respond, so that it could not be checked. It was not stored. Please try again in a moment."
	}
	return ""
}

// isKey reports whether a way takes keys.
func isKey(p providers.Provider, way string) bool {
	return slices.ContainsFunc(p.Ways, func(w providers.Way) bool { return w.ID == way && w.Kind == providers.WayKey })
}

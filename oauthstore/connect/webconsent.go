package connect

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// ways returns a provider's ways that a user can connect with here, best first.
// A consent needs an application where the vendor registers no new clients.
func (w *Web) ways(p providers.Provider, owner oauthstore.Owner) []providers.Way {
	var ways []providers.Way
	for _, way := range p.Ways {
		switch {
		case p.Retired != "":
		case way.Kind == providers.WayKey && p.Server.Connector == "",
			way.Kind == providers.WayOAuth && (registersClients(way) || w.hasClient(p, owner)):
			ways = append(ways, way)
		}
	}
	return ways
}

func registersClients(way providers.Way) bool {
	return way.Registration != providers.RegistrationManual && way.Registration != providers.RegistrationPaused
}

// hasClient reports whether the connector has an application for a provider that
// registers no clients by itself. Only discovery can be sure.
func (w *Web) hasClient(p providers.Provider, owner oauthstore.Owner) bool {
	o := &w.connector.opts
	if o.ClientMetadataURL != "" && p.OAuth.ClientIDMetadata {
		return true
	}
	if server, err := p.ServerURL(""); err == nil {
		return len(o.Apps.forServer(spot{owner: owner, server: server, connector: p.Server.Connector})) > 0
	}
	return slices.ContainsFunc(o.Apps, func(app App) bool { // the user names the server
		return app.rank(owner) >= 0 && (slices.Contains(app.Providers, p.ID) || slices.ContainsFunc(app.Servers, func(s string) bool {
			_, err := p.ServerURL(s)
			return err == nil || strings.HasSuffix(s, "/*")
		}))
	})
}

// choose sets the provider and the way of a visit. If ok is false, it has
// responded.
func (w *Web) choose(rw http.ResponseWriter, v *visit) (ok bool) {
	if v.whole, ok = w.providers[v.id]; !ok {
		w.write(rw, notFound())
		return false
	}
	ways, asked := w.ways(v.whole, v.owner), v.values.Get("way")
	has := func(way providers.Way) bool { return asked == "" || way.ID == asked }
	if at := slices.IndexFunc(ways, has); at >= 0 {
		v.way = ways[at]
		if p, err := v.whole.Using(v.way.ID); err == nil {
			v.provider = p
			return w.locate(rw, v)
		}
	}
	_, open := wayOf(v.whole, []string{providers.WayOAuth, providers.WayKey})
	switch {
	case !slices.ContainsFunc(v.whole.Ways, has):
		w.write(rw, badLink(v.whole.Name+" has no such way to connect."))
	case open:
		w.write(rw, endPage(v.whole.Name, Result{}, fault(KindNoClient, "")))
	default:
		w.write(rw, endPage(v.whole.Name, Result{}, fault(KindUnsupported, "")))
	}
	return false
}

// partPrefix precedes the name of a part of a server's URL in the name of its
// input.
const partPrefix = "part."

// locate finds the server of a visit. Where each customer has a URL, it asks for
// its parts, or for the URL where it has no known form. If ok is false, it has
// responded.
func (w *Web) locate(rw http.ResponseWriter, v *visit) (ok bool) {
	v.ask.ServerURL = strings.TrimSpace(v.ask.ServerURL)
	missing := v.missing()
	switch {
	case v.ask.ServerURL != "":
		_, err := v.provider.ServerURL(v.ask.ServerURL)
		refused, _ := errors.AsType[*providers.RefusedURLError](err)
		switch {
		case err == nil:
			return true
		case refused != nil && (len(v.provider.Server.Hosts) > 0 || v.values.Get("address") != ""):
			why, _, _ := strings.Cut(refused.Detail, ", ") // the rest lists templates
			w.write(rw, v.placePage(nil, why+"."))
		case refused != nil:
			w.write(rw, badLink(safetext.Capital(refused.Detail)))
		default:
			w.write(rw, badLink("The address of the server is not right."))
		}
		return false
	case len(v.provider.Server.Hosts) > 0 || len(missing) > 0 && v.values.Get("address") != "":
		w.write(rw, v.placePage(nil, ""))
		return false
	case len(missing) == 0:
		return true
	}
	values := map[string]string{}
	for _, x := range missing {
		if text := strings.TrimSpace(v.values.Get(partPrefix + x.Name)); text != "" {
			values[x.Name] = text
		}
	}
	if len(values) == 0 {
		w.write(rw, w.parted(v, v.placePage(missing, "")))
		return false
	}
	p, err := v.provider.At(values)
	if err != nil {
		w.write(rw, w.parted(v, v.placePage(missing, "not valid")))
		return false
	}
	v.provider, v.parts = p, values
	return true
}

// missing returns the parts that the URL of the server, or of its authorization
// server, needs a value for.
func (v *visit) missing() []providers.Param {
	o := &v.provider.OAuth
	templates := []string{
		v.provider.Server.URL, o.Issuer, o.AuthorizationEndpoint, o.TokenEndpoint, o.RegistrationEndpoint, o.RevocationEndpoint, o.ResourceMetadata, o.Resource,
	}
	var missing []providers.Param
	for _, x := range v.provider.Server.Params {
		if slices.ContainsFunc(templates, func(t string) bool { return strings.Contains(t, "{"+x.Name+"}") }) {
			missing = append(missing, x)
		}
	}
	return missing
}

// placePage asks where a customer's server is. problem says what is wrong with
// the values; "" for a first visit.
func (v *visit) placePage(missing []providers.Param, problem string) *page {
	name := v.whole.Name
	p := &page{
		Status: http.StatusOK, Heading: "Connect " + name, Text: []string{name + " has a separate address for each customer. Which one is yours?"},
		Form: &form{Get: true, Button: "Continue", Fields: v.carried("way", "another", "account", "return_to", "address")},
	}
	for _, x := range missing {
		in := input{Name: partPrefix + x.Name, Label: safetext.Capital(strings.ReplaceAll(x.Name, "_", " ")), Hint: safetext.Capital(x.Doc) + ", such as " + x.Example, Required: true}
		in.Value = strings.TrimSpace(v.values.Get(in.Name))
		switch {
		case problem == "":
		case in.Value == "":
			in.Problem = "This is missing."
		case !v.fits(missing, x, in.Value):
			in.Problem = "This can't be right: compare it with the example."
		}
		p.Form.Inputs = append(p.Form.Inputs, in)
	}
	if len(missing) == 0 {
		in := input{Name: "server_url", Type: "url", Label: "Address of the server", Required: true, Problem: safetext.Capital(problem)}
		// A refused URL is not shown again: it may hold a secret.
		in.Hint = "The URL of the MCP server, as " + name + " shows it"
		if hosts := v.provider.Server.Hosts; len(hosts) > 0 {
			in.Hint += ", on " + strings.Join(hosts, " or ")
		}
		p.Form.Inputs = []input{in}
	}
	if problem != "" {
		p.Status, p.Tone = http.StatusBadRequest, toneBad
	}
	return p
}

// parted adds to a page that asks for the parts of a URL a link to one that asks
// for the whole.
func (w *Web) parted(v *visit, p *page) *page {
	if v.provider.Server.Connector == "" {
		u := w.connectURL(v.id, &v.ask, "way", v.values.Get("way"), "another", v.values.Get("another"), "address", "1")
		p.Links = append(p.Links, link{URL: u, Text: "Enter the whole address instead"})
	}
	return p
}

// fits reports whether a value fits its part of the URL.
func (v *visit) fits(all []providers.Param, x providers.Param, value string) bool {
	values := map[string]string{}
	for _, other := range all {
		values[other.Name] = other.Example
	}
	values[x.Name] = value
	_, err := v.provider.At(values)
	return err == nil
}

// carried returns the values of a visit that its forms send on.
func (v *visit) carried(names ...string) []field {
	var fields []field
	for _, name := range names {
		if value := v.values.Get(name); value != "" {
			fields = append(fields, field{name, value})
		}
	}
	return fields
}

// show serves the page that starts a consent, or that asks for a key.
func (w *Web) show(rw http.ResponseWriter, r *http.Request, v *visit) {
	if w.choose(rw, v) {
		w.ask(rw, r, v)
	}
}

// ask serves the page of show for the chosen way and server.
func (w *Web) ask(rw http.ResponseWriter, r *http.Request, v *visit) {
	ask := v.ask
	if v.another() {
		ask.Account = "" // it is not chosen yet
	}
	s, err := w.connector.site(v.provider, v.owner, &ask, v.way.Kind)
	if err != nil {
		w.write(rw, badLink("The name of the account or the address of the server is not right."))
		return
	}
	var p *page
	if v.way.Kind == providers.WayKey {
		p = w.keyPage(rw, v)
	} else {
		plan, err := w.connector.browsable(r.Context(), &s, &ask)
		if err != nil {
			w.fail(rw, r, v.whole.Name, &v.ask, fail("show", s.key, err))
			return
		}
		p = w.startPage(rw, v, plan.Server.AuthorizationEndpoint, plan.Named)
	}
	if v.ask.ReturnTo != "" {
		p.Links = append(p.Links, link{URL: v.ask.ReturnTo, Text: "Cancel"})
	}
	if !v.another() {
		if st, err := w.connector.store.Status(r.Context(), s.key); err == nil && st.State != oauthstore.StateReauthorize {
			p.Text = append(p.Text, v.whole.Name+" is connected already. Connecting again replaces that.")
		}
	}
	w.write(rw, p)
}

// submit handles the form of show.
func (w *Web) submit(rw http.ResponseWriter, r *http.Request, v *visit) {
	if !w.choose(rw, v) {
		return
	}
	v.ask.Account = strings.TrimSpace(v.ask.Account)
	s, err := w.connector.site(v.provider, v.owner, &v.ask, v.way.Kind)
	if v.another() {
		v.accountProblem = w.accountProblem(r, v, s.key, err)
	}
	switch {
	case v.accountProblem != "":
		w.ask(rw, r, v)
	case err != nil:
		w.write(rw, badLink("The name of the account or the address of the server is not right."))
	case v.way.Kind == providers.WayKey:
		w.importKey(rw, r, v)
	default:
		w.begin(rw, r, v)
	}
}

// another reports whether the user adds an account to those that are connected.
func (v *visit) another() bool { return v.values.Get("another") != "" }

// accountProblem returns why the name of a further account can't be used; "" if it
// can.
func (w *Web) accountProblem(r *http.Request, v *visit, key oauthstore.Key, err error) string {
	if v.ask.Account == "" {
		return "Give the account a name, to tell it from the others."
	}
	if err != nil {
		return "This name is too long, or has characters that can't be used."
	}
	if _, err := w.connector.store.Status(r.Context(), key); !errors.Is(err, oauthstore.ErrNotFound) {
		return "There is a connection of that name already. Choose another name."
	}
	return ""
}

// accountInputs returns the input for the name of a further account.
func (v *visit) accountInputs() []input {
	if !v.another() {
		return nil
	}
	return []input{{
		Name: "account", Label: "Name of the account", Hint: "Such as work. It only tells your accounts apart here.",
		Value: v.ask.Account, Required: true, Problem: v.accountProblem,
	}}
}

// hidden returns the hidden fields of a form that connects.
func (v *visit) hidden(token field) []field {
	fields := []field{token}
	if !v.another() && v.ask.Account != "" {
		fields = append(fields, field{"account", v.ask.Account})
	}
	for _, name := range slices.Sorted(maps.Keys(v.parts)) {
		fields = append(fields, field{partPrefix + name, v.parts[name]})
	}
	return append(fields, v.carried("way", "server_url", "return_to", "another")...)
}

// otherWays returns links to the provider's other ways.
func (w *Web) otherWays(v *visit) []link {
	var links []link
	for _, way := range w.ways(v.whole, v.owner) {
		if way.ID == v.way.ID {
			continue
		}
		ask := v.ask
		ask.ServerURL = ""
		text := "Use a " + way.Name + " instead"
		if way.Kind == providers.WayOAuth {
			text = "Sign in at " + v.whole.Name + " instead"
		} else if strings.ContainsRune("AEIOaeio", rune(way.Name[0])) {
			text = "Use an " + way.Name + " instead"
		}
		links = append(links, link{URL: w.connectURL(v.id, &ask, "way", way.ID, "another", v.values.Get("another")), Text: text})
	}
	return links
}

// startPage returns the page before the browser goes to target. It must show the
// host, since the server's metadata chose it.
func (w *Web) startPage(rw http.ResponseWriter, v *visit, target string, named bool) *page {
	token := w.issue(rw, v)
	token.Value += seen(target, named)
	name, signIn := v.whole.Name, hostOf(target)
	p := &page{
		Status: http.StatusOK, Heading: "Connect " + name,
		Text:  []string{"You will be sent to " + signIn + ", to sign in and to say what " + w.connector.opts.ClientName + " may do for you."},
		Facts: []field{{"Sign-in", signIn}},
		Form:  &form{Away: true, Button: "Continue to " + signIn, Fields: v.hidden(token), Inputs: v.accountInputs()},
		Links: w.otherWays(v),
	}
	if server := v.server(); server != "" {
		p.Facts = append([]field{{"Server", hostOf(server)}}, p.Facts...)
		if !named && hostOf(server) != signIn {
			p.Tone = toneWarn
			p.Text = append(p.Text, "Only the server at "+hostOf(server)+" says that "+signIn+" belongs to it. "+
				"What you allow there will be given to "+hostOf(server)+". Continue only if you know both.")
		}
	}
	if v.ask.Account != "" && !v.another() {
		p.Facts = append(p.Facts, field{"Account", v.ask.Account})
	}
	if v.accountProblem != "" {
		p.Status, p.Tone = http.StatusBadRequest, toneBad
	}
	return p
}

// seen names what a page showed of where the browser goes. It follows the
// form's token.
func seen(target string, named bool) string {
	return digest("seen", hostOf(target), strconv.FormatBool(named))
}

// server is the URL of the visit's server; "" for a connector.
func (v *visit) server() string {
	raw, _ := v.provider.ServerURL(v.ask.ServerURL)
	return raw
}

// begin starts a consent and sends the browser there, if the page showed where.
func (w *Web) begin(rw http.ResponseWriter, r *http.Request, v *visit) {
	v.ask.Binding = v.binding
	consent, err := w.connector.Begin(w.acting(r, v.owner), v.provider, v.owner, &v.ask)
	if err != nil {
		w.fail(rw, r, v.whole.Name, &v.ask, err)
		return
	}
	if strings.TrimPrefix(v.values.Get("token"), v.formToken()) != seen(consent.URL, consent.Named) {
		// The server now names another host than the page showed.
		w.write(rw, w.startPage(rw, v, consent.URL, consent.Named))
		return
	}
	w.setBinding(rw, v.binding) // renews its lifetime
	http.Redirect(rw, r, consent.URL, http.StatusSeeOther)
}

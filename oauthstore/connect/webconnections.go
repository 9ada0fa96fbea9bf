package connect

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// listURL returns the URL of the connections page, at a provider's card if id is
// not empty.
func (w *Web) listURL(returnTo, id string) string {
	u := url.URL{Path: w.opts.ConnectPath, Fragment: id}
	if returnTo != "" {
		u.RawQuery = url.Values{"return_to": {returnTo}}.Encode()
	}
	return u.String()
}

// site returns the application's name in a sentence.
func (w *Web) site() string {
	if name := w.connector.opts.ClientName; name != defaultName {
		return name
	}
	return "This application"
}

// list serves the connections page.
func (w *Web) list(rw http.ResponseWriter, r *http.Request, v *visit) {
	statuses, err := w.connector.store.List(r.Context(), v.owner)
	if err != nil {
		w.fail(rw, r, "The list of connections", &v.ask, fail("list", oauthstore.Key{Owner: v.owner}, err))
		return
	}
	p := &page{Status: http.StatusOK, List: true, Heading: "Connections", Text: []string{w.site() + " can use these services for you. You decide which."}}
	byProvider := map[string][]oauthstore.Status{}
	for _, st := range statuses {
		byProvider[st.Key.Provider] = append(byProvider[st.Key.Provider], st)
	}
	connected, others := group{ID: "connected.", Heading: "Your connections"}, group{ID: "available.", Heading: "More services"}
	for _, known := range w.opts.Providers {
		own := byProvider[known.ID]
		delete(byProvider, known.ID)
		switch c, offered := w.card(v, known, own); {
		case len(own) > 0:
			connected.Cards = append(connected.Cards, c)
		case offered:
			others.Cards = append(others.Cards, c)
		}
	}
	for id, own := range byProvider { // connected, and offered no longer
		c := card{ID: id, Name: id, About: "It is no longer offered here."}
		for _, st := range own {
			c.Connections = append(c.Connections, w.connection(v, providers.Provider{ID: id, Name: id}, st))
		}
		connected.Cards = append(connected.Cards, c)
	}
	for _, g := range []*group{&connected, &others} {
		slices.SortStableFunc(g.Cards, func(a, b card) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
		if len(g.Cards) > 0 {
			p.Groups = append(p.Groups, *g)
		}
	}
	if len(p.Groups) == 0 {
		p.Text = []string{"There is nothing to connect yet."}
	}
	if v.ask.ReturnTo != "" {
		p.Links = []link{{URL: v.ask.ReturnTo, Text: "Go back"}}
	}
	w.write(rw, p)
}

// card returns a provider's card. offered is false for a provider that is not
// worth a card unless it is connected.
func (w *Web) card(v *visit, p providers.Provider, own []oauthstore.Status) (c card, offered bool) {
	c = card{ID: p.ID, Name: p.Name, About: about(&p)}
	for _, st := range own {
		c.Connections = append(c.Connections, w.connection(v, p, st))
	}
	ask := &Ask{ReturnTo: w.listURL(v.ask.ReturnTo, p.ID)}
	ways := w.ways(p, v.owner)
	_, open := wayOf(p, []string{providers.WayNone})
	switch {
	case len(own) > 0 && len(ways) > 0:
		c.Links = []link{{URL: w.connectURL(p.ID, ask, "another", "1"), Text: "Add another account", Of: p.Name}}
	case len(own) > 0:
	case len(ways) > 0:
		c.Links = []link{{URL: w.connectURL(p.ID, ask), Text: "Connect", Of: p.Name, Primary: true}}
	case p.Retired == "" && open:
		c.Note = "Ready to use without signing in."
	default:
		c.Note = "Only the operator of this site can set it up."
		return c, p.Retired == "" && !w.catalogue
	}
	return c, true
}

// about returns a provider's description without the name that it begins with.
func about(p *providers.Provider) string {
	name, text, ok := strings.Cut(p.Description, ": ")
	if !ok || !strings.HasPrefix(p.Name, name) && !strings.HasPrefix(name, p.Name) {
		text = p.Description
	}
	return safetext.Capital(text)
}

// connection returns the part of a card for one credential.
func (w *Web) connection(v *visit, p providers.Provider, st oauthstore.Status) connection {
	c := describe(p.Name, w.site(), &st)
	c.Account = st.Key.Account
	own, err := p.ServerURL("")
	if (err != nil || own != st.Key.Server) && st.Key.Server != "" {
		c.Facts = append(c.Facts, field{"Server", hostOf(st.Key.Server)})
	}
	if st.State == oauthstore.StateExpiring {
		c.Facts = append(c.Facts, field{"Expires", st.Expiry.UTC().Format("2 January 2006, 15:04 UTC")})
	}
	of := p.Name
	if c.Account != "" {
		of += ", account " + c.Account
	}
	ask := w.askOf(st.Key, w.listURL(v.ask.ReturnTo, p.ID))
	if at := w.wayOf(p, v.owner, st.Provenance.Way); at != "" && st.State != oauthstore.StateUnknown {
		again := "Connect again"
		if isKey(p, at) {
			again = "Replace the key"
		}
		c.Links = append(c.Links, link{URL: w.connectURL(p.ID, ask, "way", at), Text: again, Of: of, Primary: c.Again})
	}
	ask.ServerURL = st.Key.Server
	c.Links = append(c.Links, link{URL: w.connectURL(p.ID+"/disconnect", ask), Text: "Disconnect", Of: of})
	return c
}

// wayOf returns the way to connect a credential again, preferably the one that it
// was connected with; "" if there is none.
func (w *Web) wayOf(p providers.Provider, owner oauthstore.Owner, id string) string {
	ways := w.ways(p, owner)
	if at := slices.IndexFunc(ways, func(way providers.Way) bool { return way.ID == id }); at >= 0 {
		return id
	}
	if len(ways) > 0 {
		return ways[0].ID
	}
	return ""
}

// describe returns the state of a credential in words for its owner. site is the
// application's name.
func describe(name, site string, st *oauthstore.Status) connection {
	switch st.State {
	case oauthstore.StateActive:
		switch {
		case st.Verdict.Outcome == oauthstore.OutcomeAccepted:
			return connection{Tone: toneGood, State: "Connected"}
		case unverified(&st.Verdict) && st.Verdict.Reason == oauthstore.ReasonListsForAnyone:
			return connection{State: "Connected, not verified", Text: name + " answers anyone, so that only its use shows whether the connection works."}
		case unverified(&st.Verdict):
			return connection{
				Tone: toneWarn, State: "Connected, but not verified", Said: st.Verdict.Detail,
				Text: name + " did not confirm that it accepts the connection. You can try to use it. If that fails, connect again.",
			}
		}
		return connection{State: "Connected, not verified yet", Text: "Its first use will show whether it works."}
	case oauthstore.StateExpiring:
		return connection{Tone: toneWarn, State: "Expires soon", Text: name + " does not renew it. Connect again to keep it.", Again: true}
	case oauthstore.StateDegraded:
		return connection{Tone: toneWarn, State: "Connected, with problems", Text: "The connection can't be renewed at the moment. " + site + " tries again by itself."}
	case oauthstore.StateReauthorize:
		return connection{Tone: toneBad, State: "Must be connected again", Text: reasonText(name, st.Reason), Again: true}
	case oauthstore.StateRevoked, oauthstore.StateUnknown:
	}
	if st.Reason == oauthstore.ReasonRefreshFailing {
		return connection{Tone: toneBad, State: "Not working now", Text: "It expired and can't be renewed at the moment. " + site + " tries again by itself."}
	}
	return connection{Tone: toneBad, State: "Not readable", Text: "The operator of this site can repair it. You need to do nothing."}
}

// reasonText says why the owner must connect again.
func reasonText(name string, reason oauthstore.Reason) string {
	switch reason {
	case oauthstore.ReasonNoRefreshToken, oauthstore.ReasonExpired:
		return "It expired, and " + name + " does not renew it."
	case oauthstore.ReasonLostRotation:
		return "Its renewal was interrupted."
	case oauthstore.ReasonAudience:
		return name + " rejects it. An administrator of your organization may have to allow the application there first."
	case oauthstore.ReasonScope:
		return "It needs more permissions than you granted."
	case oauthstore.ReasonRevoked:
		return "Access was withdrawn at " + name + "."
	case oauthstore.ReasonInvalidKey:
		return name + " does not know this key."
	case oauthstore.ReasonTokenType:
		return name + " issued a kind of access that can't be used here."
	case oauthstore.ReasonInvalidGrant, oauthstore.ReasonRefreshFailing, oauthstore.ReasonKeyUnavailable, oauthstore.ReasonListsForAnyone, oauthstore.ReasonLifetime:
	}
	return name + " no longer accepts it. It may have expired, or access was withdrawn there."
}

// removal finds the credential that a page is to disconnect. If ok is false, it
// has responded.
func (w *Web) removal(rw http.ResponseWriter, r *http.Request, v *visit) (st oauthstore.Status, ok bool) {
	key := oauthstore.Key{Owner: v.owner, Provider: v.id, Account: v.ask.Account, Server: v.ask.ServerURL}
	if known, offered := w.providers[v.id]; offered && key.Server == "" {
		key.Server, _ = known.ServerURL("")
	}
	if key.Validate() != nil {
		w.write(rw, badLink("The name of the account or the address of the server is not right."))
		return st, false
	}
	st, err := w.connector.store.Status(r.Context(), key)
	if errors.Is(err, oauthstore.ErrNotFound) {
		p := &page{
			Status: http.StatusNotFound, Tone: toneWarn, Heading: w.name(v.id) + " is not connected",
			Text: []string{"There is nothing to disconnect. It may have been disconnected before."},
		}
		w.write(rw, p)
		return st, false
	}
	if err != nil {
		w.fail(rw, r, w.name(v.id), &v.ask, fail("disconnect", key, err))
		return st, false
	}
	return st, true
}

// confirm asks whether to disconnect.
func (w *Web) confirm(rw http.ResponseWriter, r *http.Request, v *visit) {
	st, ok := w.removal(rw, r, v)
	if !ok {
		return
	}
	name, back := w.name(v.id), orElse(v.ask.ReturnTo, w.listURL("", v.id))
	p := &page{
		Status: http.StatusOK, Tone: toneBad, Heading: "Disconnect " + name + "?", Text: []string{w.site() + " can't use it for you any more."},
		Form:  &form{Button: "Disconnect", Danger: true, Fields: []field{w.issue(rw, v)}},
		Links: []link{{URL: back, Text: "Keep it"}},
	}
	for _, f := range []field{{"account", st.Key.Account}, {"server_url", st.Key.Server}, {"return_to", v.ask.ReturnTo}} {
		if f.Value != "" {
			p.Form.Fields = append(p.Form.Fields, f)
		}
	}
	switch {
	case st.Provenance.RevocationEndpoint != "":
		p.Text = append(p.Text, "The access is withdrawn at "+name+" too, unless another connection of yours shares it.")
	case st.Provenance.Obtained == oauthstore.ObtainedStatic:
		p.Text = append(p.Text, "The key is deleted here. It stays valid at "+name+" until you delete it there.")
	default:
		p.Text = append(p.Text, "The access is deleted here. To end it at "+name+" as well, remove "+w.connector.opts.ClientName+" in your settings there.")
	}
	if server := st.Key.Server; server != "" {
		p.Facts = append(p.Facts, field{"Server", hostOf(server)})
	}
	if st.Key.Account != "" {
		p.Facts = append(p.Facts, field{"Account", st.Key.Account})
	}
	w.write(rw, p)
}

// disconnect handles the form of confirm.
func (w *Web) disconnect(rw http.ResponseWriter, r *http.Request, v *visit) {
	st, ok := w.removal(rw, r, v)
	if !ok {
		return
	}
	done, err := w.connector.store.Disconnect(w.acting(r, v.owner), st.Key)
	if err != nil {
		w.fail(rw, r, w.name(v.id), &v.ask, fail("disconnect", st.Key, err))
		return
	}
	back := orElse(v.ask.ReturnTo, w.listURL("", v.id))
	if done.Revoked == nil || *done.Revoked {
		http.Redirect(rw, r, back, http.StatusSeeOther)
		return
	}
	name := w.name(v.id)
	w.write(rw, &page{
		Status: http.StatusOK, Tone: toneWarn, Heading: name + " is disconnected",
		Text: []string{
			w.site() + " can't use it for you any more.",
			name + " did not confirm yet that the access was withdrawn there. It is asked again. To be sure, remove " + w.connector.opts.ClientName + " in your settings at " + name + ".",
		},
		Links: []link{{URL: back, Text: "Continue", Primary: true}},
	})
}

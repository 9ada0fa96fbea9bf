package connect

import (
	"html"
	"net/url"
	"strings"
)

// A markup is HTML whose texts and attributes are escaped. html/template would
// escape by context too, but it finds methods by name, so the linker then keeps
// every exported method of a program: 15 MB for the command.
type markup struct{ out strings.Builder }

// open writes a start tag. attributes are pairs of a name and a value; those with
// an empty name are left out. Names are constants.
func (m *markup) open(tag string, attributes ...string) {
	m.out.WriteString("<" + tag)
	for i := 0; i+1 < len(attributes); i += 2 {
		name, value := attributes[i], attributes[i+1]
		if name == "href" {
			value = safeLink(value)
		}
		if name != "" {
			m.out.WriteString(" " + name + `="` + escape(value) + `"`)
		}
	}
	m.out.WriteString(">")
}

func (m *markup) close(tag string) { m.out.WriteString("</" + tag + ">\n") }

// element writes an element that contains a text, unless the text is empty.
func (m *markup) element(tag, text string, attributes ...string) {
	if text == "" {
		return
	}
	m.open(tag, attributes...)
	m.out.WriteString(escape(text))
	m.close(tag)
}

// escape returns a text for the content of an element, or for an attribute in
// double quotes.
func escape(text string) string {
	return strings.ReplaceAll(html.EscapeString(text), "\x00", "\uFFFD")
}

// safeLink returns the URL of a link, or "#" if a click would do anything but
// open a page.
func safeLink(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
		return "#"
	}
	return address
}

// when returns name if it holds, for an attribute of [markup.open].
func when(holds bool, name string) string {
	if holds {
		return name
	}
	return ""
}

// html returns the page as HTML.
func (p *page) html() string {
	var m markup
	m.out.WriteString(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
`)
	m.element("title", p.Heading)
	m.out.WriteString("<style>" + pageStyle + "</style>\n</head>\n<body>\n")
	class := "single " + p.Tone
	if p.List {
		class = "list"
	}
	m.open("main", "class", class)
	m.element("h1", p.Heading)
	for _, text := range p.Text {
		m.element("p", text)
	}
	m.element("blockquote", p.Said)
	m.facts(p.Facts)
	if p.Form != nil {
		m.form(p.Form)
	}
	m.links(p.Links)
	for _, g := range p.Groups {
		m.open("section", "aria-labelledby", g.ID)
		m.element("h2", g.Heading, "id", g.ID)
		m.open("ul", "class", "cards")
		for i := range g.Cards {
			m.card(&g.Cards[i])
		}
		m.close("ul")
		m.close("section")
	}
	m.close("main")
	m.out.WriteString("</body>\n</html>\n")
	return m.out.String()
}

func (m *markup) facts(facts []field) {
	if len(facts) == 0 {
		return
	}
	m.open("dl")
	for _, f := range facts {
		m.out.WriteString("<dt>" + escape(f.Name) + "</dt><dd>" + escape(f.Value) + "</dd>\n")
	}
	m.close("dl")
}

func (m *markup) form(f *form) {
	method := "post"
	if f.Get {
		method = "get"
	}
	m.open("form", "method", method)
	for _, hidden := range f.Fields {
		m.open("input", "type", "hidden", "name", hidden.Name, "value", hidden.Value)
	}
	for _, in := range f.Inputs {
		m.input(in)
	}
	m.element("button", f.Button, "type", "submit", when(f.Danger, "class"), "danger")
	m.close("form")
}

func (m *markup) input(in input) {
	m.open("div", "class", "input")
	m.element("label", in.Label, "for", in.Name)
	var described []string // ids of the elements that describe the input
	for _, d := range []struct{ class, text string }{{"hint", in.Hint}, {"problem", in.Problem}} {
		if d.text != "" {
			id := in.Name + "." + d.class
			m.element("p", d.text, "class", d.class, "id", id)
			described = append(described, id)
		}
	}
	kind := in.Type
	if kind == "" {
		kind = "text"
	}
	m.open("input", "id", in.Name, "name", in.Name, "type", kind, "value", in.Value,
		"autocomplete", "off", "autocapitalize", "none", "spellcheck", "false", when(in.Required, "required"), "",
		when(len(described) > 0, "aria-describedby"), strings.Join(described, " "), when(in.Problem != "", "aria-invalid"), "true")
	m.close("div")
}

func (m *markup) card(c *card) {
	m.open("li", "id", c.ID, "class", "card")
	m.element("h3", c.Name)
	m.element("p", c.About, "class", "about")
	for _, one := range c.Connections {
		m.open("div", "class", "connection")
		m.element("h4", one.Account)
		m.element("p", one.State, "class", "state "+one.Tone)
		m.element("p", one.Text)
		m.element("blockquote", one.Said)
		m.facts(one.Facts)
		m.links(one.Links)
		m.close("div")
	}
	m.element("p", c.Note)
	m.links(c.Links)
	m.close("li")
}

func (m *markup) links(links []link) {
	if len(links) == 0 {
		return
	}
	m.open("div", "class", "links")
	for _, l := range links {
		m.element("a", l.Text, "href", l.URL, when(l.Primary, "class"), "primary", when(l.Of != "", "aria-label"), l.Text+": "+l.Of)
	}
	m.close("div")
}

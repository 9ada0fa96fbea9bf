package providers

import (
	"fmt"
	"regexp"
	"strings"
)

// What the functions of the catalogue do with their options. Faults are kept:
// those functions return no error, [Provider.Validate] does.

// at moves p to a URL of its templates, as it is there.
func (p *Provider) at(values map[string]string) {
	q, err := p.At(values)
	if err == nil {
		q, err = p.Resolve(q.Server.URL)
	}
	if err != nil {
		p.faults = append(p.faults, err)
		return
	}
	*p = q
}

// send sets the value of a header that the record documents.
func (p *Provider) send(name, value string) {
	for i := range p.Headers {
		if p.Headers[i].Name == name {
			p.Headers[i].Value = value
		}
	}
}

func (p *Provider) sendFlag(name string, on bool) {
	if on {
		p.send(name, "true")
	}
}

// listItemRE is what may stand in a list with commas between its items.
var listItemRE = regexp.MustCompile(`^[A-Za-z0-9_.:-]+$`)

// list joins items with commas.
func (p *Provider) list(what string, items []string) string {
	for _, item := range items {
		if !listItemRE.MatchString(item) {
			p.faults = append(p.faults, fmt.Errorf("providers: %s: %q can't be one of the %s", p.ID, item, what))
		}
	}
	return strings.Join(items, ",")
}

func (p *Provider) sendList(name string, items []string) {
	if len(items) > 0 {
		p.send(name, p.list(name, items))
	}
}

package providers

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// A draft applies the options of a catalogue function to a record. It collects
// errors, since those functions return none and [Provider.Validate] reports
// them.
type draft struct {
	Provider
}

func (d *draft) faultf(format string, args ...any) {
	d.faults = append(d.faults, fmt.Sprintf(format, args...))
}

// fault keeps an error of this package, without its prefixes.
func (d *draft) fault(err error) {
	d.faultf("%s", strings.ReplaceAll(err.Error(), "providers: "+d.ID+": ", ""))
}

// move changes the provider to another of its own URLs.
func (d *draft) move(serverURL string) {
	q, err := d.Resolve(serverURL)
	if err != nil {
		d.fault(err)
		return
	}
	d.Provider = q
}

// at fills a template.
func (d *draft) at(values map[string]string) {
	q, err := d.At(values)
	if err != nil {
		d.fault(err)
		return
	}
	d.Provider = q
}

// choose changes the provider to the URL with that name.
func (d *draft) choose(what, name string, urls map[string]string) {
	if _, ok := urls[name]; !ok {
		d.faultf("unknown %s %q: use one of %s", what, name, strings.Join(slices.Sorted(maps.Keys(urls)), ", "))
		return
	}
	d.move(urls[name])
}

// option adds a query parameter to the URL; "" adds none.
func (d *draft) option(name, value string) {
	if value == "" {
		return
	}
	separator := "?"
	if strings.Contains(d.Server.URL, "?") {
		separator = "&"
	}
	d.Server.URL += separator + name + "=" + strings.ReplaceAll(url.QueryEscape(value), "%2C", ",")
}

func (d *draft) optionFlag(name string, on bool) {
	if on {
		d.option(name, "true")
	}
}

// send sets the value of a header that the record documents.
func (d *draft) send(name, value string) {
	for i := range d.Headers {
		if d.Headers[i].Name == name {
			d.Headers[i].Value = value
		}
	}
}

func (d *draft) sendFlag(name string, on bool) {
	if on {
		d.send(name, "true")
	}
}

func (d *draft) sendList(name string, items []string) {
	d.send(name, d.list(name, items))
}

// listItemRE matches items of a comma-separated list.
var listItemRE = regexp.MustCompile(`^[A-Za-z0-9_.:-]+$`)

// list joins items with commas.
func (d *draft) list(what string, items []string) string {
	for _, item := range items {
		if !listItemRE.MatchString(item) {
			d.faultf("invalid value %q for %s", item, what)
		}
	}
	return strings.Join(items, ",")
}

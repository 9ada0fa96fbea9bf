package main

import (
	"net/url"
	"strings"

	"github.com/spf13/pflag"

	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/platform"
)

// A platformFlag is the value of --platform.
type platformFlag struct{ id string }

func (f *platformFlag) register(flags *pflag.FlagSet, usage string) {
	flags.StringVar(&f.id, "platform", "", usage+": "+strings.Join(platformIDs(), ", ")+" (default openai)")
}

// platformIDs are the values of --platform, openai first.
func platformIDs() []string {
	ids := []string{"openai"}
	for _, p := range platform.All() {
		if p.ID != "openai" {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// platform returns the platform that the flag names; zero if it names none.
func (f *platformFlag) platform() (platform.Platform, error) {
	if f.id == "" {
		return platform.Platform{}, nil
	}
	p, ok := platform.Lookup(f.id)
	if !ok {
		return platform.Platform{}, usagef("--platform %q: must be %s", f.id, or(platformIDs()))
	}
	return p, nil
}

// checkUse returns an error for a --use that contradicts the platform. A platform
// that takes no credential at all is refused with its reason when the entry is built.
func checkUse(p platform.Platform, use string) error {
	if p.ID == "" || p.Refused != "" || p.NoCredential != "" {
		return nil
	}
	field := map[string]platform.Field{"authorization": platform.FieldAuthorization, "headers": platform.FieldHeaderAuth}[use]
	if field != "" && p.Takes(field) != platform.Taken {
		return usagef("--use %s contradicts --platform %s, which takes the token in %s", use, p.ID, p.Bearer())
	}
	return nil
}

// checkRoute returns an error if requests would go to another platform than the
// entries are for, or to one that nothing names. p is zero without --platform.
func (a *app) checkRoute(p platform.Platform) error {
	base := a.env["OPENAI_BASE_URL"]
	to := "OPENAI_BASE_URL leads to "
	if base == "" {
		base, to = platform.OpenAI().Endpoint, "OPENAI_BASE_URL is not set, so that requests go to "
	}
	u, err := url.Parse(base)
	if err != nil || p.Refused != "" {
		return nil //nolint:nilerr // checkBaseURL has reported it, or the builder says why
	}
	named := p.ID != ""
	if !named {
		p = platform.OpenAI()
	}
	switch at, known := platform.Of(u); {
	case known && at.ID != p.ID && base == platform.OpenAI().Endpoint:
		return faultf(mcptools.KindMisconfigured, "%sOpenAI, and --platform is %s: set it to the API of %s, such as %s", to, p.ID, p.Name, strings.TrimSuffix(p.Endpoint, "/responses"))
	case known && at.ID != p.ID:
		return faultf(mcptools.KindMisconfigured, "%s%s: pass --platform %s", to, at.Name, at.ID)
	case known || named:
	case safehttp.IsLoopback(u.Hostname()) && a.global.allowLoopback:
	case safehttp.IsPrivate(u.Hostname()):
		return faultf(mcptools.KindMisconfigured, "%sa private network, and nothing says how its platform reads entries: pass --platform, such as --platform openai", to)
	default:
		a.notef("warning: %s%s, which is not known: it gets entries for OpenAI; --platform names another platform", to, u.Hostname())
	}
	return nil
}

// builderFault returns the fault of a builder's error.
func builderFault(err error) error {
	if f, ok := mcptools.AsFailure(err); ok && f.Kind == mcptools.KindUnsupported {
		return faultOf(f)
	}
	return faultf(mcptools.KindMisconfigured, "%s", message(err))
}

// surface returns the surface of a text: --platform wins over --surface. Realtime
// is a surface of OpenAI's.
func surface(p platform.Platform, given string) string {
	if p.ID == "" || p.ID == "openai" && given == "realtime" {
		return given
	}
	return p.ID
}

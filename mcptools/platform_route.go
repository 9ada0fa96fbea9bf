package mcptools

import (
	"net/http"

	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/mcptools/platform"
)

// route checks that a request with the entries goes to their platform, and adds the
// headers that the platform needs. It returns a refusal, or nil.
func route(entries []Entry, req *http.Request) *Failure {
	for _, e := range entries {
		if e.state == nil {
			continue
		}
		b := e.state().builder
		if f := b.routed(req); f != nil {
			return f
		}
		for name, value := range b.platform.RequestHeaders {
			req.Header.Set(name, value)
		}
	}
	return nil
}

// routed returns the refusal of a request to a platform that the builder's entries
// are not for.
func (b *Builder) routed(req *http.Request) *Failure {
	host := req.URL.Hostname()
	at, known := platform.Of(req.URL)
	switch {
	case known && at.ID == b.platform.ID:
		return nil
	case known:
		return b.refusal(KindMisconfigured, "the entry is for "+b.platform.Name+", and the request goes to "+at.Name+", which reads entries differently: set Options.Platform", nil)
	case b.named: // a gateway, or a platform that its users run
		return nil
	case safehttp.IsLoopback(host) && b.loopback:
		return nil
	case safehttp.IsPrivate(host):
		return b.refusal(KindMisconfigured, "the request goes to a host of a private network, and nothing says how its platform reads entries: set Options.Platform", nil)
	}
	if _, warned := b.warnedHosts.LoadOrStore(host, true); !warned {
		b.log.WarnContext(req.Context(), "mcptools: the host of the Responses API is not known: it gets entries for OpenAI; set Options.Platform", "host", host, "server_label", b.label)
	}
	return nil
}

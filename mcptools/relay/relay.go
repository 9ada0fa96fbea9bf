package relay

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/providers"
)

// A Relay forwards MCP requests with fresh tokens. It is an [http.Handler] and the
// [mcptools.Relay] of builders. Safe for concurrent use.
type Relay struct {
	handle    storehandle.Handle
	seal      seal
	public    *url.URL
	opts      Options
	limits    limits
	log       *slog.Logger
	builders  *builders
	policies  *policies
	traffic   *traffic
	seen      failures
	client    *http.Client // of transport
	transport http.RoundTripper
	buffers   buffers
}

// limits are the maximum lengths of bodies.
type limits struct{ request, answer int64 }

var (
	_ http.Handler   = (*Relay)(nil)
	_ mcptools.Relay = (*Relay)(nil)
)

// New returns a relay for the credentials of store. sealer seals the tickets:
// processes with the same keys, usually those of store, serve each other's tickets. New refuses a sealer
// that does not authenticate, such as [oauthstore.InsecureNoSeal]. publicURL is the
// URL at which platforms reach the relay: https, and with the path at which it is
// mounted, if any. opts may be nil. Close the relay after its HTTP server.
func New(store *oauthstore.Store, sealer backend.Sealer, publicURL string, opts *Options) (*Relay, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if store == nil || sealer == nil {
		return nil, errtext.New("relay: New needs a store and a sealer")
	}
	public, err := publicURLOf(publicURL, o.InsecureAllowLoopback)
	if err != nil {
		return nil, err
	}
	if o.TicketTTL < 0 || o.TicketTTL > maxTTL {
		return nil, errtext.Errorf("relay: TicketTTL must be between 0 and %v", maxTTL)
	}
	if !slices.Contains([]Pin{"", PinOff, PinWarn, PinBlock}, o.Pins) {
		return nil, errtext.Errorf("relay: Pins %q must be off, warn or block", o.Pins)
	}
	o.TicketTTL = cmp.Or(o.TicketTTL, defaultTTL)
	r := &Relay{
		handle: storehandle.Of(store), seal: seal{sealer}, public: public, opts: o,
		limits: limits{cmp.Or(o.MaxRequest, 16<<20), cmp.Or(o.MaxAnswer, 64<<20)},
		log:    cmp.Or(o.Logger, slog.New(slog.DiscardHandler)),
		seen:   newFailures(),
		client: safehttp.New(&safehttp.Options{
			AllowLoopback: o.InsecureAllowLoopback, Transport: o.InsecureTransport, Stream: true, IdlePerHost: idlePerHost,
		}),
	}
	memory := cmp.Or(o.Memory, 512<<20)
	// A buffer takes its next size before it gives the last one back.
	share := max(memory/4, 2*max(r.limits.request, r.limits.answer))
	r.traffic = newTraffic(cmp.Or(o.Concurrent, 1000), cmp.Or(o.OwnerRequests, 64), cmp.Or(o.OwnerStreams, 256), newMemory(memory), share)
	r.transport = r.client.Transport
	r.builders = &builders{store: store, opts: &r.opts, known: make(map[target]*upstreamBuilder)}
	r.policies = newPolicies(store, o.Pins, r.toolChanged)
	ctx, cancel := context.WithTimeout(context.Background(), sealTimeout)
	defer cancel()
	if err := r.seal.authenticates(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

const (
	sealTimeout = 10 * time.Second
	idlePerHost = 64 // connections to one server that are kept for the next request
)

// publicURLOf checks the relay's own URL.
func publicURLOf(raw string, loopback bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errtext.New("relay: the public URL is not a URL")
	}
	plain := safehttp.PlainNowhere
	if loopback {
		plain = safehttp.PlainLoopback
	}
	if err := safehttp.CheckURL(u, plain); err != nil {
		return nil, errtext.Errorf("relay: public URL: %w", err)
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errtext.New("relay: the public URL must not have a query or a fragment")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u, nil
}

// Ticket implements [mcptools.Relay]. For a server with HTTP+SSE, the error is a
// [*mcptools.Failure] of [mcptools.KindUnsupported].
func (r *Relay) Ticket(ctx context.Context, grant mcptools.RelayGrant) (mcptools.RelayTicket, error) {
	t, err := newTicket(&grant, r.opts.TicketTTL, time.Now())
	if err != nil {
		return mcptools.RelayTicket{}, err
	}
	builder, err := r.builders.of(t)
	if err != nil {
		return mcptools.RelayTicket{}, err
	}
	if builder.provider.Transport == providers.TransportSSE {
		return mcptools.RelayTicket{}, &mcptools.Failure{
			Kind: mcptools.KindUnsupported, Stage: mcptools.StageBuild, Action: mcptools.KindUnsupported.Action(),
			Provider: t.Provider, ServerLabel: t.Label,
		}
	}
	text, err := r.seal.sealTicket(ctx, t)
	if err != nil {
		return mcptools.RelayTicket{}, err
	}
	return mcptools.RelayTicket{
		URL: r.public.String() + t.path(), Ticket: oauthstore.NewSecret(text), ID: t.ID, Expiry: t.expiry(),
	}, nil
}

// Seen implements [mcptools.Relay]. Failures are remembered for an hour.
func (r *Relay) Seen(ticketID, tool string) *mcptools.Failure {
	return r.seen.get(ticketID, tool)
}

// Close ends open streams, cuts off answers that are being sent, refuses further
// requests with 503 and waits for the running ones until ctx ends.
func (r *Relay) Close(ctx context.Context) error {
	err := r.traffic.close(ctx)
	r.client.CloseIdleConnections()
	return err
}

// toolChanged reports a tool that differs from its pin.
func (r *Relay) toolChanged(ctx context.Context, key oauthstore.Key, tool, change string) {
	r.log.WarnContext(ctx, "relay: tool changed", "owner", key.Owner.String(), "provider", key.Provider, "tool", tool, "change", change)
	if r.opts.Observer != nil {
		r.opts.Observer(ctx, Event{Type: EventToolChanged, Key: key, Tool: tool, Change: change})
	}
}

// Format implements [fmt.Formatter]: no verb prints what a Relay holds.
func (*Relay) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "relay.Relay") }

// buffers are the proxy's. The zero value is ready. Safe for concurrent use.
type buffers struct{ pool sync.Pool }

const bufferSize = 8 << 10

// Get implements [net/http/httputil.BufferPool].
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, bufferSize)
}

// Put implements [net/http/httputil.BufferPool].
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

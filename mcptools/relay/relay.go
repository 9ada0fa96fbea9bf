package relay

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A Relay forwards MCP requests with fresh tokens. It is an [http.Handler] and the
// [mcptools.Relay] of builders. Safe for concurrent use.
type Relay struct {
	store  *oauthstore.Store
	seal   seal
	public *url.URL
	opts   Options
}

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
	o.TicketTTL = cmp.Or(o.TicketTTL, defaultTTL)
	r := &Relay{store: store, seal: seal{sealer}, public: public, opts: o}
	ctx, cancel := context.WithTimeout(context.Background(), sealTimeout)
	defer cancel()
	if err := r.seal.authenticates(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

const sealTimeout = 10 * time.Second

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

// Ticket implements [mcptools.Relay].
func (r *Relay) Ticket(ctx context.Context, grant mcptools.RelayGrant) (mcptools.RelayTicket, error) {
	t, err := newTicket(&grant, r.opts.TicketTTL, time.Now())
	if err != nil {
		return mcptools.RelayTicket{}, err
	}
	text, err := r.seal.sealTicket(ctx, t)
	if err != nil {
		return mcptools.RelayTicket{}, err
	}
	return mcptools.RelayTicket{
		URL: r.public.String() + t.path(), Ticket: oauthstore.NewSecret(text), ID: t.ID, Expiry: t.expiry(),
	}, nil
}

// Seen implements [mcptools.Relay].
func (r *Relay) Seen(_, _ string) *mcptools.Failure {
	return nil
}

// Close ends open streams, refuses further requests and waits for running ones
// until ctx ends.
func (r *Relay) Close(context.Context) error { return nil }

// Format implements [fmt.Formatter]: no verb prints what a Relay holds.
func (*Relay) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "relay.Relay") }

package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// maxTicketTTL is the longest lifetime of a relay's ticket.
const maxTicketTTL = 24 * time.Hour

// relayFlags are the flags of commands that build entries for a relay.
type relayFlags struct {
	url       string
	ticketTTL time.Duration
}

func (f *relayFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.url, "relay", "", "`URL` of a running 'toolgrant relay' with the same store and keyset; OpenAI then gets a ticket for the relay in place of the token (default: none)")
	flags.DurationVar(&f.ticketTTL, "ticket-ttl", 0, "lifetime of the ticket, at most 24h; needs --relay (default 1h)")
}

// check validates the flags.
func (f *relayFlags) check(minTTL time.Duration) error {
	switch {
	case f.ticketTTL < 0:
		return usagef("--ticket-ttl must not be negative")
	case f.ticketTTL > maxTicketTTL:
		return usagef("--ticket-ttl must be at most 24h")
	case f.ticketTTL > 0 && f.url == "":
		return usagef("--ticket-ttl needs --relay URL")
	case f.url != "" && minTTL > maxTicketTTL:
		return usagef("with --relay, --min-ttl must be at most 24h: a ticket does not live longer")
	}
	return nil
}

// relay returns the relay of --relay, which gives tickets; nil without the flag.
func (a *app) relay(store *oauthstore.Store, keys backend.Sealer, f relayFlags) (mcptools.Relay, error) {
	if f.url == "" {
		return nil, nil //nolint:nilnil // an option that is not set
	}
	r, err := relay.New(store, keys, f.url, &relay.Options{TicketTTL: f.ticketTTL, InsecureAllowLoopback: a.global.allowLoopback})
	if err != nil {
		return nil, faultf(mcptools.KindMisconfigured, "--relay: %s", message(err))
	}
	return r, nil
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// entryFlags are the flags of entry.
type entryFlags struct {
	label, description string
	allow, approveOnly []string
	readOnly, deferred bool
	approval, use      string
	minTTL             time.Duration
	platform           platformFlag
	relay              relayFlags
}

func (f *entryFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.label, "label", "", "server_label (default: the provider's)")
	flags.StringVar(&f.description, "description", "", "server_description (default: the provider's)")
	flags.StringArrayVar(&f.allow, "allow", nil, "`NAME` of a tool to offer to the model; repeatable (default: all)")
	flags.BoolVar(&f.readOnly, "read-only", false, "offer only tools that the server annotates as read-only")
	flags.StringVar(&f.approval, "approval", "", "whether calls need approval: always or never (default always)")
	flags.StringArrayVar(&f.approveOnly, "approve-only", nil, "`NAME` of a tool whose calls need approval, while all other calls do not; repeatable")
	flags.BoolVar(&f.deferred, "defer", false, "keep the tools out of the context until tool search finds them")
	flags.StringVar(&f.use, "use", "", "field that carries the token: authorization or headers (default: the platform's)")
	f.platform.register(flags, "`NAME` of the service that takes the entry")
	flags.DurationVar(&f.minTTL, "min-ttl", 0, "minimum remaining lifetime of the token (default 5m, or a quarter of its lifetime if that is less)")
	f.relay.register(cmd)
}

// options returns the options of the builder.
func (f *entryFlags) options() (*mcptools.Options, error) {
	o := &mcptools.Options{
		Label: f.label, Description: f.description, AllowedTools: f.allow, ReadOnly: f.readOnly, DeferLoading: f.deferred,
	}
	switch {
	case f.approval != "" && f.approveOnly != nil:
		return nil, usagef("pass --approval or --approve-only, not both")
	case f.approveOnly != nil:
		o.Approval = mcptools.Approval{Always: f.approveOnly}
	case f.approval == "never":
		o.Approval = mcptools.ApprovalNever
	case f.approval != "" && f.approval != "always":
		return nil, usagef("--approval %q: must be always or never", f.approval)
	}
	switch f.use {
	case "", "authorization":
	case "headers":
		o.UseHeaders = true
	default:
		return nil, usagef("--use %q: must be headers or authorization", f.use)
	}
	var err error
	if o.Platform, err = f.platform.platform(); err != nil {
		return nil, err
	}
	if err := checkUse(o.Platform, f.use); err != nil {
		return nil, err
	}
	if err := checkTTL(f.minTTL); err != nil {
		return nil, err
	}
	return o, f.relay.check(f.minTTL)
}

func checkTTL(d time.Duration) error {
	if d < 0 {
		return usagef("--min-ttl must not be negative")
	}
	return nil
}

func (a *app) entryCommand() *cobra.Command {
	var flags entryFlags
	var reveal bool
	cmd := &cobra.Command{
		Use:   "entry PROVIDER",
		Short: "Print the tools entry for OpenAI's Responses API",
		Args:  cobra.ExactArgs(1),
		RunE: a.begin(func(ctx context.Context, args []string) error {
			o, err := flags.options()
			if err != nil {
				return err
			}
			keys, err := a.openKeyset(ctx)
			if err != nil {
				return err
			}
			return a.withSealer(ctx, keys, func(store *oauthstore.Store) error {
				if o.Relay, err = a.relay(store, keys, flags.relay); err != nil {
					return err
				}
				t, err := a.resolve(ctx, store, args[0])
				if err != nil {
					return err
				}
				if a.usable(t) == nil {
					if t, err = a.orOpen(ctx, store, t); err != nil {
						return err
					}
				}
				e, err := a.buildEntry(ctx, store, t, o, flags.minTTL)
				if err != nil {
					return err
				}
				for _, w := range e.Warnings {
					a.notef("warning: %s", w)
				}
				if e.Short {
					a.warnShort(e.Expiry)
				}
				var raw []byte
				if reveal {
					if err := a.auditReveal(ctx, store, e.Key, e.Generation); err != nil {
						return err
					}
					raw, err = json.Marshal(e.Tool())
				} else {
					raw, err = json.Marshal(e)
				}
				if err != nil {
					return err
				}
				a.print(json.RawMessage(raw), nil)
				return nil
			})
		}),
	}
	flags.register(cmd)
	cmd.Flags().BoolVar(&reveal, "reveal", false, "print the token")
	return cmd
}

// buildEntry builds the entry of a target.
func (a *app) buildEntry(ctx context.Context, creds oauthstore.Credentials, t target, o *mcptools.Options, minTTL time.Duration) (mcptools.Entry, error) {
	if err := a.usable(t); err != nil {
		return mcptools.Entry{}, err
	}
	o.InsecureAllowLoopback = a.global.allowLoopback
	b, err := mcptools.NewBuilder(t.provider, creds, o)
	if err != nil {
		return mcptools.Entry{}, builderFault(err)
	}
	return b.Entry(ctx, t.key.Owner, &mcptools.BuildOptions{Account: t.key.Account, ServerURL: t.key.Server, MinTTL: minTTL})
}

// warnShort warns of a token that expires sooner than --min-ttl requires.
func (a *app) warnShort(expiry time.Time) {
	a.notef("warning: the token expires %s, sooner than --min-ttl requires: no token with that lifetime is available", when(expiry))
}

// A tokenView is an access token as it is printed.
type tokenView struct {
	AccessToken string  `json:"access_token"`
	ExpiresAt   *string `json:"expires_at"`
	Generation  uint64  `json:"generation"`
	Short       bool    `json:"short,omitempty"`
}

func (a *app) tokenCommand() *cobra.Command {
	var minTTL time.Duration
	var reveal bool
	cmd := &cobra.Command{
		Use:   "token PROVIDER",
		Short: "Print a fresh access token for another client",
		Args:  cobra.ExactArgs(1),
		RunE: a.begin(func(ctx context.Context, args []string) error {
			if err := checkTTL(minTTL); err != nil {
				return err
			}
			return a.withStore(ctx, func(store *oauthstore.Store) error {
				t, err := a.resolve(ctx, store, args[0])
				if err != nil {
					return err
				}
				if err := a.usable(t); err != nil {
					return err
				}
				token, err := store.Token(ctx, t.key, oauthstore.Need{MinTTL: minTTL})
				if err != nil {
					return err
				}
				if reveal {
					if err := a.auditReveal(ctx, store, t.key, token.Generation); err != nil {
						return err
					}
				}
				a.printToken(token, reveal)
				return nil
			})
		}),
	}
	cmd.Flags().DurationVar(&minTTL, "min-ttl", 0, "minimum remaining lifetime of the token (default 5m, or a quarter of its lifetime if that is less)")
	cmd.Flags().BoolVar(&reveal, "reveal", false, "print the token")
	return cmd
}

func (a *app) printToken(t oauthstore.Token, reveal bool) {
	v := tokenView{AccessToken: fmt.Sprint(t.AccessToken), Generation: t.Generation, Short: t.Short}
	if reveal {
		v.AccessToken = t.AccessToken.Expose()
	}
	if !t.Expiry.IsZero() {
		v.ExpiresAt = orNull(stamp(t.Expiry))
	}
	if t.Short && !a.global.json {
		a.warnShort(t.Expiry)
	}
	a.print(v, func(w io.Writer) {
		if reveal { // only the token, for $(toolgrant token … --reveal)
			_, _ = fmt.Fprintln(w, v.AccessToken)
			return
		}
		expires := when(t.Expiry)
		if expires == "" {
			expires = "unknown"
		}
		a.ui.fields(w, field{"token", v.AccessToken}, field{"expires", expires}, field{"generation", strconv.FormatUint(v.Generation, 10)})
		a.notef("add --reveal to print it")
	})
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
)

func (a *app) labCommand() *cobra.Command {
	var o lab.Options
	var script string
	var listFaults bool
	var on platformFlag
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Run a test environment on loopback, no account needed",
		Long: `Starts authorization servers, MCP servers and a Responses API on loopback, prints
their URLs and serves until it is interrupted. OpenAI's own clients use it through
OPENAI_BASE_URL and OPENAI_API_KEY.`,
		Args: cobra.NoArgs,
		RunE: a.begin(func(ctx context.Context, _ []string) error {
			if o.TokenTTL < 0 {
				return usagef("--token-ttl must not be negative")
			}
			p, err := on.platform()
			if err != nil {
				return err
			}
			o.Platform = p.ID
			if script != "" {
				text, err := a.readInput(script)
				if err != nil {
					return err
				}
				if o.Script, err = lab.ParseScript(text); err != nil {
					return usagef("%s", message(err))
				}
			}
			world, err := lab.Start(&o)
			if _, taken := errors.AsType[*net.OpError](err); taken {
				return faultf(mcptools.KindMisconfigured, "%s", message(err))
			}
			if err != nil {
				return usagef("%s", message(err))
			}
			if listFaults {
				a.listFaults(world)
				return world.Close()
			}
			a.print(world.Info(), func(w io.Writer) { a.ui.world(w, world.Info()) })
			<-ctx.Done()
			return world.Close()
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Listen, "listen", "", "loopback `ADDRESS` to listen on (default: 127.0.0.1 and a free port)")
	flags.DurationVar(&o.TokenTTL, "token-ttl", time.Hour, "lifetime of access tokens")
	flags.StringVar(&script, "script", "", "JSON `FILE` with the steps of the model (default: it calls a read-only tool of each server)")
	flags.StringArrayVar(&o.Faults, "fault", nil, "`NAME` of a fault to inject; repeatable, see --faults")
	on.register(flags, "`NAME` of the service whose Responses API it imitates")
	flags.BoolVar(&listFaults, "faults", false, "list the available faults and exit")
	return cmd
}

func (a *app) listFaults(world *lab.World) {
	names := world.FaultNames()
	views := make([]faultView, len(names))
	rows := make([][]string, len(names))
	for i, f := range names {
		views[i], rows[i] = faultView(f), []string{f.Name, f.Doc}
	}
	a.print(views, func(w io.Writer) { a.ui.table(w, []string{"FAULT", "WHAT HAPPENS"}, rows, nil) })
}

// A faultView is a fault of the lab as it is printed.
type faultView struct {
	Name string `json:"name"`
	Doc  string `json:"doc"`
}

// world writes the URLs of a lab as plain text.
func (u *ui) world(w io.Writer, info lab.Info) {
	_, _ = fmt.Fprintf(w, "%s  All data is made up. Press Ctrl-C to stop.\n\n", u.head.Render("A test environment on loopback."))
	rows := make([][]string, len(info.Servers))
	for i, s := range info.Servers {
		client := "dynamic registration"
		if s.ClientID != "" {
			client = "app " + s.ClientID + ", secret " + s.ClientSecret
		}
		rows[i] = []string{s.Name, s.MCPURL, client}
	}
	u.table(w, []string{"MCP SERVER", "URL", "CLIENTS"}, rows, nil)
	_, _ = fmt.Fprintf(w, "\n%s\n", u.head.Render("In another terminal:"))
	for _, line := range []string{
		"export OPENAI_BASE_URL=" + info.OpenAIBaseURL + " OPENAI_API_KEY=" + info.OpenAIAPIKey,
		"toolgrant connect demo=" + info.MCPURL + " --allow-loopback",
		"toolgrant entry demo --allow-loopback",
		"toolgrant run 'What is new?' --tool demo --approval never --allow-loopback",
	} {
		_, _ = fmt.Fprintf(w, "  %s\n", line)
	}
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "reasoning:", err)
		os.Exit(1)
	}
}

// run is the whole program.
func run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("reasoning", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var l live
	isLive := flags.Bool("live", false, "run one turn with OpenAI, with a stored credential")
	flags.StringVar(&l.provider, "provider", "notion", "with -live: id of the provider")
	flags.StringVar(&l.serverURL, "server-url", "", "with -live: URL of the provider's server, if not in the catalogue")
	flags.StringVar(&l.owner, "owner", "local/"+env("USER"), "with -live: owner of the credential, as TENANT/SUBJECT")
	flags.StringVar(&l.model, "model", model, "with -live: model to use")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	p := newPage(stdout, env("NO_COLOR") != "")
	if *isLive {
		l.prompt = flags.Arg(0)
		return l.run(ctx, env, p)
	}
	return tell(ctx, p)
}

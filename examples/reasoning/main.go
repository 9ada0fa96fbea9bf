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
	isLive := flags.Bool("live", false, "hold one turn with OpenAI, with a stored credential")
	flags.StringVar(&l.provider, "provider", "notion", "with -live: whose server")
	flags.StringVar(&l.serverURL, "server-url", "", "with -live: its URL, where it is one of your own")
	flags.StringVar(&l.owner, "owner", "local/"+env("USER"), "with -live: TENANT/SUBJECT, whose credential")
	flags.StringVar(&l.model, "model", model, "with -live: the model")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	p := newPage(stdout, env("NO_COLOR") != "")
	if *isLive {
		l.prompt = flags.Arg(0)
		return l.tell(ctx, env, p)
	}
	return tell(ctx, p)
}

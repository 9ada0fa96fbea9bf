package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/oauthstore/actor"
)

// grace is how long a command has to end after a signal: the promised second,
// less what starting and ending a process takes.
const (
	grace     = 800 * time.Millisecond
	lastWords = 50 * time.Millisecond // for the error itself, where the streams are blocked
)

// An app is one run of the command.
type app struct {
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	env     map[string]string
	ui      *ui
	global  globalFlags
	subject atomic.Pointer[string] // PROVIDER as it stands on the command line, for the next step
	begun   bool                   // a subcommand's own code has begun: what fails now is no wrong usage
}

// run runs the command with args and returns its exit code. When ctx ends, the
// command has [grace] left to end in an orderly way; after that run returns all
// the same, and what is still running writes nothing more to the streams.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) int {
	out, errOut := &stream{w: stdout}, &stream{w: stderr}
	a := &app{stdin: stdin, stdout: out, stderr: errOut, ui: newUI(stdout), env: map[string]string{}}
	for _, kv := range env {
		if name, value, ok := strings.Cut(kv, "="); ok {
			a.env[name] = value
		}
	}
	asJSON := wantsJSON(args)
	done := make(chan error, 1)
	go func() { done <- a.execute(ctx, args) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		select {
		case err = <-done:
		case <-time.After(grace):
			// It waits for something that no context ends, such as a terminal.
			err = faultf(kindInterrupted, "interrupted")
		}
	}
	out.shut.Store(true)
	errOut.shut.Store(true)
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errAnswered) {
		return exitFailed
	}
	f := faultOf(err)
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		if asJSON {
			_, _ = stdout.Write(encode(map[string]*fault{"error": f}, false))
		} else {
			_, _ = fmt.Fprintf(stderr, "toolgrant: %s\n", safetext.Text(f.Message))
			if hint := f.hint(text(a.subject.Load())); hint != "" {
				_, _ = fmt.Fprintf(stderr, "try: %s\n", safetext.Line(hint))
			}
		}
	}()
	select {
	case <-reported:
	case <-ctx.Done():
		select {
		case <-reported:
		case <-time.After(lastWords): // nobody reads
		}
	}
	return f.exitCode()
}

// wantsJSON reports whether --json is among args. It must be known also when
// they can't be parsed.
func wantsJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.ContainsFunc(args, func(arg string) bool {
		value, ok := strings.CutPrefix(arg, "--json=")
		asked, err := strconv.ParseBool(value)
		return arg == "--json" || ok && err == nil && asked
	})
}

// execute parses args and runs the subcommand.
func (a *app) execute(ctx context.Context, args []string) error {
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && !a.begun {
		if f, ok := err.(*fault); ok { //nolint:errorlint // cobra hands it through unwrapped; a wrapped one is cobra's own error
			return f
		}
		return usagef("%s", err)
	}
	return err
}

// rootCommand returns the command with all its subcommands.
func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:               "toolgrant",
		Short:             "Credentials for OpenAI's mcp tools, on behalf of your users",
		Long:              "toolgrant gets, keeps and explains the credentials with which OpenAI's Responses API uses remote MCP servers on behalf of your users.",
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q: see toolgrant help", args[0])
			}
			if !a.global.json {
				_, _ = fmt.Fprintln(a.stderr, cmd.UsageString())
			}
			return usagef("which command?")
		},
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.global.check() },
	}
	a.global.register(root, a.env)
	for _, c := range a.commands() {
		root.AddCommand(c)
	}
	return root
}

// A command's own code: what cobra calls, with the note that it has begun.
func (a *app) begin(f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a.begun = true
		if len(args) > 0 && strings.Contains(cmd.Use, "PROVIDER") {
			a.subject.Store(&args[0])
		}
		return f(actor.With(cmd.Context(), "os:"+loginName(a.env)), args)
	}
}

// print writes v as one line of JSON, or what plain writes for people.
func (a *app) print(v any, plain func(w io.Writer)) {
	if a.global.json || plain == nil {
		_, _ = a.stdout.Write(encode(v, plain == nil && !a.global.json))
		return
	}
	var b bytes.Buffer
	plain(&b)
	_, _ = a.stdout.Write(b.Bytes())
}

// notef tells people something beside the answer, of which a server may have
// written a part. Scripts do not see it.
func (a *app) notef(format string, args ...any) {
	_, _ = io.WriteString(a.stderr, safetext.Text(fmt.Sprintf(format, args...))+"\n")
}

// encode returns v as JSON with a newline at its end, which a terminal can show
// too. It fits all that the command prints, which holds nothing that can't be
// encoded.
func encode(v any, indent bool) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if indent {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		panic("toolgrant: " + err.Error())
	}
	return escapeHidden(b.Bytes())
}

// A stream is a writer that can be shut, so that what is left behind by an
// interrupted command writes nothing more.
type stream struct {
	w    io.Writer
	shut atomic.Bool
}

func (s *stream) Write(p []byte) (int, error) {
	if s.shut.Load() {
		return 0, os.ErrClosed
	}
	return s.w.Write(p)
}

// commands returns the subcommands, in the order in which a newcomer needs
// them.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.providersCommand(),
		a.connectCommand(),
		a.importCommand(),
		a.entryCommand(),
		a.tokenCommand(),
		a.statusCommand(),
		a.doctorCommand(),
		a.disconnectCommand(),
		a.explainCommand(),
		a.runCommand(),
		a.labCommand(),
		a.keysCommand(),
		a.sweepCommand(),
	}
}

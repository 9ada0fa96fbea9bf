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
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/oauthstore/actor"
)

// grace is how long a command may run on after a signal: the promised second,
// less the time to start and exit a process.
const (
	grace     = 800 * time.Millisecond
	lastWords = 50 * time.Millisecond // to print the error, if the streams are blocked
)

// An app is one run of the command.
type app struct {
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	env     map[string]string
	ui      *ui
	global  globalFlags
	subject atomic.Pointer[string] // PROVIDER as given on the command line, for the suggested next step
	audit   *auditFile             // of --audit-log; nil: none
	started bool                   // a subcommand's own code has started: a later error is not wrong usage
}

// run runs the command with args and returns its exit code. When ctx is
// canceled, the command has [grace] to shut down; then run returns without
// waiting, and code that is still running can't write to the streams.
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
			// It is blocked on something that ignores ctx, such as reading a terminal.
			err = faultf(kindInterrupted, "interrupted")
		}
	}
	out.shut.Store(true)
	errOut.shut.Store(true)
	if failed := out.failed.Load(); failed != nil && err == nil {
		err = faultf(kindInternal, "the output could not be written: %v", *failed)
	}
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
		if asJSON && out.failed.Load() == nil {
			_, _ = stdout.Write(encode(map[string]*fault{"error": f}, false))
		} else {
			_, _ = fmt.Fprintf(stderr, "toolgrant: %s\n", f.onTerminal())
			if hint := a.hint(f, text(a.subject.Load())); hint != "" {
				_, _ = fmt.Fprintf(stderr, "try: %s\n", safetext.Line(hint))
			}
		}
	}()
	select {
	case <-reported:
	case <-ctx.Done():
		select {
		case <-reported:
		case <-time.After(lastWords): // the streams are blocked
		}
	}
	return f.exitCode()
}

// wantsJSON reports whether --json is among args. It works on args that can't
// be parsed too.
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
	if err != nil && !a.started {
		if f, ok := err.(*fault); ok { //nolint:errorlint // cobra returns a fault unwrapped; any other error is cobra's own
			return f
		}
		return wrongUsage(err)
	}
	return err
}

// rootCommand returns the toolgrant command with all its subcommands.
func (a *app) rootCommand() *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "toolgrant",
		Short: "Credentials for OpenAI's mcp tools, on behalf of your users",
		Long: `toolgrant gets, stores and checks the credentials with which OpenAI's Responses
API uses remote MCP servers on behalf of your users.

To try it without an account, start with 'toolgrant lab'.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q: see 'toolgrant help'", args[0])
			}
			if version {
				a.printVersion()
				return nil
			}
			if !a.global.json {
				_, _ = fmt.Fprintln(a.stderr, cmd.UsageString())
			}
			return usagef("no command given")
		},
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.global.check() },
	}
	a.global.register(root, a.env)
	root.Flags().BoolVar(&version, "version", false, "print the version")
	usage := root.UsageFunc()
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		hideUnused(cmd)
		return usage(cmd)
	})
	a.addCommands(root)
	return root
}

// addCommands adds the subcommands to root, in the order in which a newcomer
// needs them. [main] keeps cobra from sorting them.
func (a *app) addCommands(root *cobra.Command) {
	section := func(title string, commands ...*cobra.Command) {
		root.AddGroup(&cobra.Group{ID: title, Title: title + ":"})
		for _, c := range commands {
			c.GroupID = title
			root.AddCommand(c)
		}
	}
	section("Try it", a.labCommand(), a.providersCommand())
	section("Connect accounts",
		uses(a.connectCommand(), credentialFlags), uses(a.importCommand(), credentialFlags),
		uses(a.statusCommand(), statusFlags), uses(a.disconnectCommand(), credentialFlags))
	section("Use tools",
		uses(a.toolsCommand(), credentialFlags), uses(a.entryCommand(), credentialFlags), uses(a.tokenCommand(), credentialFlags), uses(a.runCommand(), credentialFlags))
	section("Find out what failed", uses(a.doctorCommand(), doctorFlags), a.explainCommand())
	section("Operate", uses(a.relayCommand(), relayCommandFlags), uses(a.sweepCommand(), sweepFlags), uses(a.purgeCommand(), keysFlags), uses(a.keysCommand(), keysFlags), uses(a.storeCommand(), "store"))
	const more = "More"
	section(more, a.versionCommand())
	root.AddCommand(a.manCommand())
	a.completions(root)
	root.SetCompletionCommandGroupID(more)
	root.SetHelpCommandGroupID(more)
}

// begin returns f as a cobra function that also records that f has started, on
// which provider and by which operating system user.
func (a *app) begin(f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a.started = true
		if len(args) > 0 && strings.Contains(cmd.Use, "PROVIDER") {
			a.subject.Store(&args[0])
		}
		return f(actor.With(cmd.Context(), "os:"+loginName(a.env)), args)
	}
}

// print writes v as one line of JSON with --json, else the output of plain. With a
// nil plain it always writes JSON, indented without --json.
func (a *app) print(v any, plain func(w io.Writer)) {
	if a.global.json || plain == nil {
		_, _ = a.stdout.Write(encode(v, plain == nil && !a.global.json))
		return
	}
	var b bytes.Buffer
	plain(&b)
	_, _ = a.stdout.Write(b.Bytes())
}

// notef writes a line to stderr, beside the output on stdout. Its arguments may
// come from a server: see [linef].
func (a *app) notef(format string, args ...any) {
	_, _ = io.WriteString(a.stderr, linef(format, args...)+"\n")
}

// encode returns v as JSON with a final newline, safe to show on a terminal. It
// panics if v can't be encoded, which no type printed here can cause.
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

// A stream is a writer that can be shut, so that goroutines left over from an
// interrupted command can't write to it. It is safe for concurrent use.
type stream struct {
	w      io.Writer
	shut   atomic.Bool
	failed atomic.Pointer[error] // the first error of w
	mu     sync.Mutex            // serializes writes
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut.Load() {
		return 0, os.ErrClosed
	}
	n, err := s.w.Write(p)
	if err != nil {
		s.failed.CompareAndSwap(nil, &err)
	}
	return n, err
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "background:", err)
		os.Exit(1)
	}
}

// run tells the story. With arguments it is a process of the backend in it: "start
// URL" or "resume URL".
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 2 {
		return process(ctx, args[0], args[1], out)
	}
	dir, err := os.MkdirTemp("", "toolgrant-background-")
	if err != nil {
		return err
	}
	return errors.Join(tell(ctx, dir, out), os.RemoveAll(dir))
}

// process is one process of the backend, whose files are in the working directory.
// The client has the address and the key of OpenAI from the environment.
func process(ctx context.Context, verb, serverURL string, out io.Writer) (err error) {
	w, err := newWorker(ctx, openai.NewClient(), ".", serverURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close(ctx)) }()
	if verb == "resume" {
		return w.resume(ctx, live(), printer(out))
	}
	return w.start(ctx, "What is new?", printer(out))
}

// printer returns a function that prints an event.
func printer(out io.Writer) func(session.Event) {
	return func(e session.Event) {
		if e.Type != session.EventText { // EventDone has the whole text
			_, _ = fmt.Fprintln(out, "  ", strings.TrimSpace(fmt.Sprintf("%s %s%s", e.Type, e.Tool, e.Text)))
		}
	}
}

func tell(ctx context.Context, dir string, out io.Writer) (err error) {
	release := make(chan struct{}) // lets one call of the tool return
	world, err := lab.Start(&lab.Options{CallTimeout: time.Minute, Servers: []lab.Server{{Name: "notes", Tools: []lab.Tool{{
		Name: "summarize", ReadOnly: true, Handle: func(ctx context.Context, _ map[string]any) (string, error) {
			select {
			case <-release:
				return "three new notes", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		},
	}}}}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	info, server := world.Info(), world.Server("notes").MCPURL
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }

	client := openai.NewClient(option.WithBaseURL(info.OpenAIBaseURL), option.WithAPIKey(info.OpenAIAPIKey))
	w, err := newWorker(ctx, client, dir, server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close(ctx)) }()
	key := oauthstore.Key{Owner: mia, Provider: w.notes.ID, Server: server}
	if _, err := w.store.Put(ctx, key, world.Grant("notes", mia.Subject).Credential()); err != nil {
		return err
	}

	say("1. Mia asks. The process is killed while the tool runs.")
	if err := spawn(ctx, info, dir, out, "calling", "start", server); err != nil {
		return err
	}
	release <- struct{}{}
	say("2. Another process goes on. No event is repeated or lost.")
	if err := spawn(ctx, info, dir, out, "", "resume", server); err != nil {
		return err
	}

	say("3. The next response may take two hours, and Mia's token lives for one.")
	before := len(world.ModelRequests())
	failure, ok := mcptools.AsFailure(w.submit(ctx, "Write the report."))
	if !ok {
		return errors.New("a token that expires too early was not refused")
	}
	say("   %v", failure)
	say("   requests to OpenAI: %d", len(world.ModelRequests())-before)

	say("4. With a relay OpenAI gets a ticket that lives longer. A later process asks for the result.")
	stop, err := w.serveRelay(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := w.submit(ctx, "Write the report."); err != nil {
		return err
	}
	release <- struct{}{}
	if err := w.resume(ctx, overnight(), printer(out)); err != nil {
		return err
	}

	say("5. Mia cancels a response.")
	if err := w.submit(ctx, "Write it again."); err != nil {
		return err
	}
	s, err := w.open(overnight())
	if err != nil {
		return err
	}
	if err := w.cancel(ctx); err != nil {
		return err
	}
	canceled, err := client.Responses.Get(ctx, s.State().Running, responses.ResponseGetParams{})
	if err != nil {
		return err
	}
	say("   at OpenAI it is %s", canceled.Status)
	return nil
}

// spawn runs this program in dir as another process of the backend, and kills it
// when it prints a line with last.
func spawn(ctx context.Context, info lab.Info, dir string, out io.Writer, last string, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "OPENAI_BASE_URL="+info.OpenAIBaseURL, "OPENAI_API_KEY="+info.OpenAIAPIKey)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	killed := false
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		_, _ = fmt.Fprintln(out, lines.Text())
		if last != "" && strings.Contains(lines.Text(), last) {
			killed = true
			_ = cmd.Process.Kill() // Wait reports it
		}
	}
	if err := cmd.Wait(); !killed {
		return err
	}
	return nil
}

// serveRelay serves a relay on this machine, and makes the worker's entries for it.
func (w *worker) serveRelay(ctx context.Context) (stop func() error, err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r, err := relay.New(w.store, w.keys, "http://"+listener.Addr().String()+"/mcp", &relay.Options{InsecureAllowLoopback: true})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	mux := http.NewServeMux()
	mux.Handle("/mcp/", r)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	stop = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err := errors.Join(server.Shutdown(ctx), r.Close(ctx))
		if served := <-served; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}
	if err := w.build(r); err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

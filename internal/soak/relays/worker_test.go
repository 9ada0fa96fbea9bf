package relays_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/filestore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

// workerVariable makes the test binary a worker with this configuration: a process
// with a relay, which prints its address and ends with its standard input.
const workerVariable = "TOOLGRANT_RELAY_WORKER"

func TestMain(m *testing.M) {
	if text := os.Getenv(workerVariable); text != "" {
		if err := work(context.Background(), text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// A config is shared by the workers and the test.
type config struct {
	Dir  string `json:"dir"` // of the store
	Keys []byte `json:"keys"`
}

// publicURL is that of the relays. The clients of the test reach it through the load
// balancer.
const publicURL = "http://127.0.0.1:1/mcp"

func (c *config) open() (*oauthstore.Store, *relay.Relay, error) {
	keys, err := keyset.Parse(c.Keys)
	if err != nil {
		return nil, nil, err
	}
	db, err := filestore.Open(c.Dir)
	if err != nil {
		return nil, nil, err
	}
	store, err := oauthstore.New(db, keys, &oauthstore.Options{InsecureAllowLoopback: true})
	if err != nil {
		return nil, nil, err
	}
	r, err := relay.New(store, keys, publicURL, &relay.Options{InsecureAllowLoopback: true})
	return store, r, err
}

func work(ctx context.Context, text string) error {
	var c config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	store, r, err := c.open()
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l) // Close ends it
	}()
	if _, err := fmt.Fprintln(os.Stdout, l.Addr()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	closing, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = errors.Join(err, r.Close(closing), server.Close())
	<-served
	return errors.Join(err, store.Close(closing))
}

// A process is a worker, seen from the test.
type process struct {
	address string
	cmd     *exec.Cmd
	in      io.Closer
}

func start(t *testing.T, c config) *process {
	t.Helper()
	text, err := json.Marshal(c)
	require.NoError(t, err)
	p := &process{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])}
	p.cmd.Env = append(os.Environ(), workerVariable+"="+string(text), "GORACE=atexit_sleep_ms=0")
	p.cmd.Stderr = os.Stderr
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		_ = p.in.Close()
		_ = p.cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	p.address = strings.TrimSpace(line)
	return p
}

// kill kills the process and waits for its end.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_, _ = p.cmd.Process.Wait()
}

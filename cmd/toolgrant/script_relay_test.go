package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// relays are the relays that scripts have started, by the script's folder.
var relays sync.Map // of *relayProcess

// A relayProcess is a running 'toolgrant relay --json'.
type relayProcess struct {
	cmd   *exec.Cmd
	ended chan error
}

// startRelay: relay [ARG...] starts a relay as a process and sets RELAY to its URL.
// Its events go to the file relay.jsonl.
func startRelay(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("it can't be negated")
	}
	folder := ts.Getenv("WORK")
	program, err := exec.LookPath(filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], "toolgrant"))
	ts.Check(err)
	cmd := exec.CommandContext(context.Background(), program, append([]string{"relay", "--json"}, args...)...)
	cmd.Dir, cmd.Stderr = folder, os.Stderr
	for _, name := range []string{"PATH", "HOME", "TOOLGRANT_STORE", "TOOLGRANT_KEYSET"} {
		if value := ts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	events, err := os.Create(filepath.Join(folder, "relay.jsonl"))
	ts.Check(err)
	ts.Check(cmd.Start())
	p := &relayProcess{cmd, make(chan error, 1)}
	relays.Store(folder, p)
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		relays.Delete(folder)
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		ts.Fatalf("the relay did not start: %v", cmd.Wait())
	}
	var first struct {
		Event string `json:"event"`
		URL   string `json:"url"`
	}
	ts.Check(json.Unmarshal(lines.Bytes(), &first))
	if first.Event != "listening" {
		ts.Fatalf("the first event is %s", lines.Text())
	}
	ts.Setenv("RELAY", first.URL)
	go func() {
		for lines.Scan() {
			_, _ = events.WriteString(lines.Text() + "\n")
		}
		_ = events.Close()
		p.ended <- cmd.Wait()
	}()
}

// stopRelay: stoprelay ends the relay with SIGTERM, which takes a second at most,
// and checks that it exits with 0.
func stopRelay(ts *testscript.TestScript, neg bool, args []string) {
	v, ok := relays.Load(ts.Getenv("WORK"))
	if neg || len(args) > 0 || !ok {
		ts.Fatalf("there is no relay, or arguments were given")
	}
	p := v.(*relayProcess)
	ts.Check(p.cmd.Process.Signal(os.Interrupt))
	select {
	case err := <-p.ended:
		ts.Check(err)
	case <-time.After(30 * time.Second):
		ts.Fatalf("the relay does not end")
	}
}

// promote: promote makes the key that was added last the one that seals.
func promote(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: promote")
	}
	ts.Check(ts.Exec("toolgrant", "keys", "list", "--json"))
	var keys []struct {
		ID      string `json:"id"`
		Primary bool   `json:"primary"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &keys))
	last := keys[len(keys)-1]
	if last.Primary {
		ts.Fatalf("no key was added")
	}
	ts.Check(ts.Exec("toolgrant", "keys", "promote", last.ID))
}

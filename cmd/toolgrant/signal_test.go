package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
)

// A process is the command as a process of its own.
type process struct {
	*exec.Cmd
	stdin       io.WriteCloser
	out, errOut bytes.Buffer
}

// start runs the command with the environment of c. What hangs is killed when
// the test ends.
func (c *cli) start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.CommandContext(t.Context(), "toolgrant", args...)}
	p.Env = append(os.Environ(), c.env...)
	p.Stdout, p.Stderr = &p.out, &p.errOut
	var err error
	p.stdin, err = p.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	return p
}

// interrupted waits for a process that got a signal and checks what it said
// last.
func (p *process) interrupted(t *testing.T) {
	t.Helper()
	var exit *exec.ExitError
	require.ErrorAs(t, p.Wait(), &exit, "%s", &p.out)
	assert.Equal(t, exitFailed, exit.ExitCode(), "%s%s", &p.out, &p.errOut)
	var said struct {
		Error fault `json:"error"`
	}
	lines := bytes.Split(bytes.TrimSpace(p.out.Bytes()), []byte("\n"))
	require.NoError(t, json.Unmarshal(lines[len(lines)-1], &said), p.out.String())
	assert.EqualValues(t, kindInterrupted, said.Error.Kind)
}

func TestTheGraceLeavesRoomInThePromisedSecond(t *testing.T) {
	t.Parallel()
	assert.Less(t, grace+lastWords, 900*time.Millisecond)
	assert.Less(t, closeGrace, grace)
}

func TestASignalEndsACommandThatWaitsForItsInput(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			p := newCLI(t).start(t, "import", "linear", "--token-file", "-", "--json")
			// More than a pipe holds: when it is written, the command is reading.
			_, err := io.WriteString(p.stdin, strings.Repeat("x", 1<<20))
			require.NoError(t, err)
			require.NoError(t, p.Process.Signal(sig))
			p.interrupted(t)
		})
	}
}

// A slowServer is a token endpoint that tells when a refresh arrives and
// answers when it is let.
type slowServer struct {
	*httptest.Server
	arrived chan struct{}
	answer  chan struct{} // closed: answer
}

func newSlowServer(t *testing.T) *slowServer {
	t.Helper()
	s := &slowServer{arrived: make(chan struct{}, 8), answer: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s.arrived <- struct{}{}
		select {
		case <-s.answer:
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"made-up-access-2","refresh_token":"made-up-refresh-2","token_type":"Bearer","expires_in":3600}`)
	}))
	t.Cleanup(s.Close)
	return s
}

// importExpired stores a credential that must be refreshed before it is used.
func (c *cli) importExpired(t *testing.T, endpoint string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token.json")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `{"access_token":"made-up-access-1","refresh_token":"made-up-refresh-1",
		"expires_at":"2001-01-01T00:00:00Z","client_id":"app","token_endpoint":%q}`, endpoint+"/token"), 0o600))
	var status statusView
	c.ok(t, &status, "import", "mine=https://mcp.example.com/mcp", "--token-file", file, "--no-verify", "--insecure-endpoints")
}

func TestARefreshWhoseAnswerIsOnItsWayIsSavedAfterASignal(t *testing.T) {
	t.Parallel()
	server := newSlowServer(t)
	c := newCLI(t)
	c.importExpired(t, server.URL)
	p := c.start(t, "token", "mine", "--allow-loopback", "--json")
	<-server.arrived
	require.NoError(t, p.Process.Signal(os.Interrupt))
	close(server.answer)
	// Whether the answer or the signal is seen first is left open.
	if err := p.Wait(); err != nil {
		assert.Equal(t, exitFailed, p.ProcessState.ExitCode(), "%s%s", &p.out, &p.errOut)
	}

	var token tokenView
	c.ok(t, &token, "token", "mine", "--allow-loopback", "--reveal")
	assert.Equal(t, "made-up-access-2", token.AccessToken)
	assert.EqualValues(t, 2, token.Generation)
	assert.Empty(t, server.arrived, "nothing was sent twice")
}

func TestACommandThatDiesInARefreshKeepsOthersWaitingForAWhileOnly(t *testing.T) {
	t.Parallel()
	server := newSlowServer(t)
	c := newCLI(t)
	c.importExpired(t, server.URL)
	p := c.start(t, "token", "mine", "--allow-loopback", "--json")
	<-server.arrived
	require.NoError(t, p.Process.Kill())
	require.Error(t, p.Wait())

	later := c.fails(t, exitLater, "token", "mine", "--allow-loopback")
	assert.Equal(t, mcptools.KindUnavailable, later.Kind)
	assert.Equal(t, mcptools.ActionWait, later.Action)
	assert.Empty(t, server.arrived, "the dead one's lease is respected")
	var status statusView
	c.ok(t, &status, "status", "mine")
	assert.EqualValues(t, 1, status.Generation)
}

func TestASignalEndsARefreshWithoutAResponse(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"token mine", "entry mine", "run reports? --tool mine", "run reports? --tool mine --keep-going"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			server := newSlowServer(t)
			c := newCLI(t)
			c.env = append(c.env, "OPENAI_API_KEY=sk-made-up", "OPENAI_BASE_URL="+server.URL)
			c.importExpired(t, server.URL)
			p := c.start(t, append(strings.Fields(line), "--allow-loopback", "--json")...)
			<-server.arrived
			require.NoError(t, p.Process.Signal(syscall.SIGTERM))
			p.interrupted(t)
		})
	}
}

// stuckWriter is a stream that is not read until it is closed.
type stuckWriter chan struct{}

func (w stuckWriter) Write([]byte) (int, error) {
	<-w
	return 0, io.ErrClosedPipe
}

func TestASignalEndsACommandWhoseOutputIsNotRead(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := newCLI(t)
	w := make(stuckWriter)
	defer close(w)
	code := run(ctx, []string{"providers"}, strings.NewReader(""), w, w, c.env)
	assert.Equal(t, exitFailed, code)
}

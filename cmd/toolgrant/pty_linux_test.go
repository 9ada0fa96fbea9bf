package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/charmbracelet/lipgloss"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// A terminal is a pseudo terminal with the command in it.
type terminal struct {
	*exec.Cmd
	keyboard *os.File

	mu     sync.Mutex
	screen strings.Builder // guarded by mu: all that was ever written
	closed chan struct{}   // closed: there are no more writes
}

// openTerminal opens a pseudo terminal of 60 columns: our end, and that of the
// program.
func openTerminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("left out: no pseudo terminals: %v", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = ours.Close() })
	control := func(request uintptr, arg unsafe.Pointer) {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, ours.Fd(), request, uintptr(arg))
		require.Zero(t, errno)
	}
	var locked, number int32
	size := [4]uint16{24, 60}
	control(syscall.TIOCSPTLCK, unsafe.Pointer(&locked))
	control(syscall.TIOCGPTN, unsafe.Pointer(&number))
	control(syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	return ours, theirs
}

// inTerminal runs the command in a terminal of its own.
func (c *cli) inTerminal(t *testing.T, env []string, args ...string) *terminal {
	t.Helper()
	ours, theirs := openTerminal(t)
	defer theirs.Close()
	term := &terminal{Cmd: exec.CommandContext(t.Context(), "toolgrant", args...), keyboard: ours, closed: make(chan struct{})}
	term.Env = append(append(os.Environ(), c.env...), append([]string{"CI=", "NO_COLOR=", "CLICOLOR=", "TERM=xterm-256color"}, env...)...)
	term.Stdin, term.Stdout, term.Stderr = theirs, theirs, theirs
	term.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, term.Start())
	go func() {
		defer close(term.closed)
		buf := make([]byte, 4096)
		for {
			n, err := ours.Read(buf)
			term.mu.Lock()
			term.screen.Write(buf[:n])
			term.mu.Unlock()
			if err != nil {
				return // EIO: the program ended
			}
		}
	}()
	return term
}

func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.screen.String()
}

// sees waits until the terminal has got that text.
func (term *terminal) sees(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(term.text(), text) }, 30*time.Second, 5*time.Millisecond, "%q", text)
}

func (term *terminal) types(t *testing.T, text string) {
	t.Helper()
	_, err := term.keyboard.WriteString(text)
	require.NoError(t, err)
}

// ends waits for the program and returns its exit code and what is on the
// screen at last.
func (term *terminal) ends(t *testing.T) (code int, screen []string) {
	t.Helper()
	_ = term.Wait() // the code tells
	<-term.closed
	return term.ProcessState.ExitCode(), shown(term.text())
}

// duration is what stands behind a list or a call that took some time.
var duration = regexp.MustCompile(`  [0-9.]+m?s$`)

// shown returns the lines that such a text leaves on a screen, without
// durations: a line that was cleared is gone.
func shown(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if i := strings.LastIndex(line, clearLine); i >= 0 {
			line = line[i+len(clearLine):]
		}
		lines = append(lines, duration.ReplaceAllString(sequences.ReplaceAllString(line, ""), ""))
	}
	return lines
}

func TestRunIsLiveOnATerminal(t *testing.T) {
	t.Parallel()
	world := startLab(t, &lab.Options{Script: says("all\nwell")})
	c := newCLI(t)
	c.inWorld(t, world, "notes")
	require.NoError(t, world.Fault("openai:slow=400ms"))
	term := c.inTerminal(t, nil, "run", "note it", "--tool", "notes", "--tool", "tasks="+world.Server("tasks").MCPURL, "--keep-going", "--allow-loopback")
	term.sees(t, "waiting for gpt-5")
	term.sees(t, "[y/N] ")
	term.types(t, "y\n")
	code, screen := term.ends(t)
	assert.Equal(t, exitDone, code)
	assert.Equal(t, []string{
		"!  tasks  not_connected: The user has not connected the account. What to do: toolgrant connect tasks=" + world.Server("tasks").MCPURL + " --allow-loopback",
		"✓  notes  6 tools",
		`?  notes  write {"text":"one"}`,
		"   Allow this call? [y/N] y",
		`✓  notes  write {"text":"one"}`,
		"",
		"all",
		"well",
		"",
	}, screen)
	assert.Contains(t, term.text(), "\x1b[32m✓", "it has colours")
	assert.Equal(t, 1, world.Count("notes", "tools/call"))
}

func TestInputTypedBeforeAQuestionIsNotItsAnswer(t *testing.T) {
	t.Parallel()
	world := startLab(t, &lab.Options{Script: says("all\nwell")})
	c := newCLI(t)
	c.inWorld(t, world, "notes")
	require.NoError(t, world.Fault("openai:slow=400ms"))
	term := c.inTerminal(t, nil, "run", "note it", "--tool", "notes", "--allow-loopback")
	term.sees(t, "waiting for gpt-5")
	term.types(t, "y\ny\ny\n")
	term.sees(t, "[y/N] ")
	term.types(t, "n\n")
	code, _ := term.ends(t)
	assert.Equal(t, exitDone, code)
	assert.Zero(t, world.Count("notes", "tools/call"))
}

func TestAMovingLineStaysOneLine(t *testing.T) {
	t.Parallel()
	world := startLab(t, &lab.Options{Faults: []string{"openai:hang"}})
	c := newCLI(t)
	c.inWorld(t, world, "notes")
	model := strings.Repeat("long-", 30)
	term := c.inTerminal(t, nil, "run", "reports?", "--tool", "notes", "--allow-loopback", "--model", model)
	term.sees(t, "long-")
	term.sees(t, "…  1s")
	term.types(t, "\x03") // Ctrl-C
	code, screen := term.ends(t)
	assert.Equal(t, exitFailed, code)
	assert.Equal(t, []string{"toolgrant: interrupted", ""}, screen)
	for _, drawn := range strings.Split(term.text(), clearLine)[1:] {
		drawn, _, _ = strings.Cut(sequences.ReplaceAllString(drawn, ""), "^C")
		assert.Less(t, lipgloss.Width(drawn), 60, "%q", drawn)
	}
}

func TestWhatIsSaidBesideAnAnswerHasALineOfItsOwn(t *testing.T) {
	t.Parallel()
	script := &lab.Script{Turns: []lab.Turn{{Steps: []lab.Step{{Call: &lab.Call{ServerLabel: "notes", Tool: "write", Arguments: json.RawMessage(`{"text":"one"}`)}}}}}}
	world := startLab(t, &lab.Options{Script: script})
	c := newCLI(t)
	c.inWorld(t, world, "notes")
	require.NoError(t, world.Fault("openai:slow=400ms"))
	term := c.inTerminal(t, nil, "run", "note it", "--tool", "notes", "--allow-loopback", "--approval", "deny")
	term.sees(t, "waiting for gpt-5")
	code, screen := term.ends(t)
	assert.Equal(t, exitDone, code)
	assert.Equal(t, []string{"✓  notes  6 tools", "✗  notes  write  not called", "The model wrote nothing.", ""}, screen)
}

func TestRunIsPlainOnRequest(t *testing.T) {
	t.Parallel()
	for _, env := range []string{"NO_COLOR=1", "TERM=dumb", "TERM="} {
		t.Run(env, func(t *testing.T) {
			t.Parallel()
			world := startLab(t, nil)
			c := newCLI(t)
			c.inWorld(t, world, "notes")
			term := c.inTerminal(t, []string{env}, "run", "reports?", "--tool", "notes", "--allow-loopback")
			term.sees(t, "[y/N] ")
			term.types(t, "y\n")
			code, screen := term.ends(t)
			assert.Equal(t, exitDone, code)
			assert.NotContains(t, term.text(), "\x1b")
			assert.Contains(t, screen, "listing   notes")
			assert.Contains(t, screen, `Allow notes to run search {"query":"reports?"}? [y/N] y`)
		})
	}
}

func TestATerminalGetsNoControlSequences(t *testing.T) {
	t.Parallel()
	world := startLab(t, &lab.Options{Script: says(hostile)})
	c := newCLI(t)
	c.inWorld(t, world, "notes")
	term := c.inTerminal(t, nil, "run", "reports?", "--tool", "notes", "--approval", "never", "--allow-loopback")
	code, _ := term.ends(t)
	assert.Equal(t, exitDone, code)
	rest := strings.ReplaceAll(sequences.ReplaceAllString(term.text(), ""), "\r\n", "\n")
	rest = strings.ReplaceAll(rest, "\r", "") // of the moving line
	for _, bad := range []string{"\x1b", "\u009b", "\u202e", "\x7f", "\x00", "\b", "\a"} {
		assert.NotContains(t, rest, bad)
	}
	assert.NotContains(t, term.text(), "\x1b]0;")
	assert.NotContains(t, term.text(), "\x1b[2J")
}

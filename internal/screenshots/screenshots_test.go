package screenshots_test

import (
	"bufio"
	"errors"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/browsertest"
	"github.com/toolgrant/toolgrant/mcptools/lab"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// build builds a program and returns its path.
func build(t *testing.T, pkg string) string {
	t.Helper()
	if os.Getenv("TOOLGRANT_SCREENSHOTS") == "" {
		t.Skip("TOOLGRANT_SCREENSHOTS is not set: make screenshots")
	}
	path := filepath.Join(t.TempDir(), filepath.Base(pkg))
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../"+pkg).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

// picture saves what a tab shows, light and dark.
func picture(t *testing.T, tab *browsertest.Tab, screen browsertest.Screen, name string) {
	t.Helper()
	tab.Show(t, screen)
	tab.Picture(t, name)
	screen.Dark = true
	tab.Show(t, screen)
	tab.Picture(t, name+"-dark")
}

func TestWebApp(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), build(t, "examples/webapp"), "-listen", "127.0.0.1:0")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)

	tab := browsertest.Start(t).Open(t)
	defer tab.Close(t)
	screen := browsertest.Screen{Width: 1280, Height: 800}
	tab.Show(t, screen)
	tab.Visit(t, regexp.MustCompile(`http://\S+`).FindString(line))
	tab.Click(t, "button[value=mia]")
	for _, service := range []string{"Notes", "Tasks"} {
		tab.Click(t, "#services [data-name="+service+"] a")
		tab.Reads(t, "h1", "Connect "+service)
		tab.Click(t, "form button")
		tab.Reads(t, "#services [data-name="+service+"] .state", "Connected")
	}
	tab.Reads(t, "#greeting", "Hello Mia, what can I do for you?")
	tab.Click(t, ".examples button:nth-child(1)")
	tab.Reads(t, ".call.done:nth-of-type(2) summary", "Notes\nsearch notes")
	tab.Reads(t, "#status", "")
	tab.Click(t, "#question")
	tab.Press(t, "Add a note about printer paper"+browsertest.KeyEnter)
	tab.Reads(t, ".approval p", "Allow Notes to add note?")
	tab.Reads(t, "#status", "Your approval is needed.")
	picture(t, tab, screen, "webapp")
}

// The token is one for the vendor's REST API, which the MCP server refuses.
func TestDoctor(t *testing.T) {
	program := build(t, "cmd/toolgrant")
	world, err := lab.Start(nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, world.Close()) }()
	args := []string{"doctor", "notes=" + world.Server("notes").MCPURL, "--token-file", "-", "--allow-loopback"}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin = strings.NewReader(world.RESTToken("notes", "mia"))
	cmd.Env = append(os.Environ(), "CLICOLOR_FORCE=1", "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir(), "XDG_DATA_HOME="+t.TempDir())
	out, err := cmd.Output()
	exit, ok := errors.AsType[*exec.ExitError](err)
	require.True(t, ok, "it must find something: %v", err)
	require.Equal(t, 1, exit.ExitCode(), "%s", exit.Stderr)
	require.Contains(t, string(out), "\x1b[", "in color")

	file := filepath.Join(t.TempDir(), "doctor.html")
	command := `$ echo "$TOKEN" | toolgrant ` + strings.Join(args, " ") + "\n"
	require.NoError(t, os.WriteFile(file, []byte(terminal+html.EscapeString(command)+colored(string(out))+"</pre>"), 0o600))
	tab := browsertest.Start(t).Open(t)
	defer tab.Close(t)
	screen := browsertest.Screen{Width: 1040, Height: 400}
	tab.Show(t, screen)
	tab.Visit(t, "file://"+file)
	tab.Run(t, "return document.documentElement.offsetHeight", &screen.Height)
	picture(t, tab, screen, "doctor")
}

// terminal is the begin of a page that looks like one.
const terminal = `<!DOCTYPE html><meta charset="utf-8"><style>
:root { color-scheme: light dark }
body { margin: 0; background: light-dark(#f4f5f7, #101317) }
pre { margin: 0; padding: 1.25rem 1.5rem; font: 15px/1.5 "DejaVu Sans Mono", monospace; white-space: pre-wrap; color: light-dark(#1c2024, #e9ecf1) }
.s1 { font-weight: 700 } .s2 { opacity: .7 }
.s31 { color: light-dark(#b42318, #ff9d92) } .s32 { color: light-dark(#1d7440, #4cc27d) } .s33 { color: light-dark(#8a5a00, #e0a94a) }
</style><pre>`

// style is the escape sequence that sets the style of a text (ECMA-48).
var style = regexp.MustCompile("\x1b\\[([0-9;]*)m")

// colored returns the output of a command as HTML.
func colored(out string) string {
	var b strings.Builder
	open := false
	for out != "" {
		at := style.FindStringSubmatchIndex(out)
		if at == nil {
			at = []int{len(out), len(out), len(out), len(out)}
		}
		b.WriteString(html.EscapeString(out[:at[0]]))
		if open {
			b.WriteString("</span>")
		}
		codes := strings.Split(out[at[2]:at[3]], ";")
		if open = codes[0] != "" && codes[0] != "0"; open {
			b.WriteString(`<span class="s` + strings.Join(codes, " s") + `">`)
		}
		out = out[at[1]:]
	}
	return b.String()
}

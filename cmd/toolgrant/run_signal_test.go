package main

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// until waits for what happens in another process.
func until(t *testing.T, happened func() bool) {
	t.Helper()
	require.Eventually(t, happened, 30*time.Second, 5*time.Millisecond)
}

func TestASignalEndsASession(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]string{
		"OpenAI does not answer":   "openai:hang",
		"a server does not answer": "notes:hang",
		"a call is not answered":   "notes:call_hang",
		"input without an end":     "",
	} {
		for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
			t.Run(name+", "+sig.String(), func(t *testing.T) {
				t.Parallel()
				world := startLab(t, &lab.Options{CallTimeout: time.Hour})
				c := newCLI(t)
				c.inWorld(t, world, "notes")
				args := []string{"run", "reports?", "--tool", "notes", "--allow-loopback", "--json"}
				started := func() bool { return len(world.ModelRequests()) == 1 }
				switch fault {
				case "notes:call_hang":
					args = append(args, "--approval", "never")
					started = func() bool { return world.Count("notes", "tools/call") == 1 }
				case "":
					started = func() bool { all := world.ModelRequests(); return len(all) == 1 && all[0].Status == 200 }
				}
				if fault != "" {
					require.NoError(t, world.Fault(fault))
				}
				p := c.start(t, args...)
				until(t, started)
				require.NoError(t, p.Process.Signal(sig))
				p.interrupted(t)
			})
		}
	}
}

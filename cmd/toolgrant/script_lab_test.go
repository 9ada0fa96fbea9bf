package main

import (
	"os"
	"strconv"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// worlds are those of the scripts that are running.
var worlds sync.Map // of *lab.World, by the script's folder

// inLab makes a command of a script that acts on the script's world. The
// command lab starts it.
func inLab(do func(ts *testscript.TestScript, w *lab.World, args []string) *lab.World) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("it can't be negated")
		}
		key := ts.Getenv("WORK")
		var w *lab.World
		if v, ok := worlds.Load(key); ok {
			w = v.(*lab.World)
		}
		worlds.Store(key, do(ts, w, args))
	}
}

// startWorld: lab [FAULT...] starts a world with the servers notes, tasks and
// open, which lists its tools for anyone. The environment then names them.
func startWorld(ts *testscript.TestScript, _ *lab.World, faults []string) *lab.World {
	w, err := lab.Start(&lab.Options{Servers: []lab.Server{{Name: "notes"}, {Name: "tasks"}, {Name: "open", Anonymous: true}}, Faults: faults})
	ts.Check(err)
	ts.Defer(func() {
		worlds.Delete(ts.Getenv("WORK"))
		ts.Check(w.Close())
	})
	info := w.Info()
	ts.Setenv("OPENAI_BASE_URL", info.OpenAIBaseURL)
	ts.Setenv("OPENAI_API_KEY", info.OpenAIAPIKey)
	ts.Setenv("NOTES", w.Server("notes").MCPURL)
	ts.Setenv("TASKS", w.Server("tasks").MCPURL)
	ts.Setenv("OPEN", w.Server("open").MCPURL)
	ts.Setenv("OPEN_SSE", w.Server("open").SSEURL)
	return w
}

// grant: grant SERVER FILE writes what import reads.
func grant(ts *testscript.TestScript, w *lab.World, args []string) *lab.World {
	g := w.Grant(args[0], "u_42")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), g.JSON(), 0o600))
	return w
}

// strike: fault [NAME...] switches these faults on and all others off.
func strike(ts *testscript.TestScript, w *lab.World, args []string) *lab.World {
	w.Clear()
	for _, f := range args {
		ts.Check(w.Fault(f))
	}
	return w
}

// expire: expire ends every access token.
func expire(_ *testscript.TestScript, w *lab.World, _ []string) *lab.World {
	w.Expire()
	return w
}

// counts: counts PART WHAT N checks how often that was asked for.
func counts(ts *testscript.TestScript, w *lab.World, args []string) *lab.World {
	if have := strconv.Itoa(w.Count(args[0], args[1])); have != args[2] {
		ts.Fatalf("%s %s: %s times, want %s", args[0], args[1], have, args[2])
	}
	return w
}

package rotation_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(workerVariable); text != "" {
		if err := work(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

const processes = 50

// length is the duration of a run.
func length() time.Duration {
	if os.Getenv("TOOLGRANT_SOAK") != "" {
		return 5 * time.Minute
	}
	return 6 * time.Second
}

// A result is the outcome of a run.
type result struct {
	mu                      sync.Mutex
	added, dropped, written map[string]bool
	trouble                 []string
	lostKeys, lostRecords   []string
}

// play runs the processes and checks the keyset and the records. Each process
// lives for a second or two and is then replaced, so that processes start at
// all phases of a rotation.
func play(t *testing.T, lacks string, length time.Duration) *result {
	t.Helper()
	cfg := workerConfig{Dir: t.TempDir(), Lacks: lacks}
	first, err := keyset.Create(t.Context(), cfg.file(), nil)
	require.NoError(t, err)
	r := &result{added: map[string]bool{first.Keys()[0].ID: true}, dropped: map[string]bool{}, written: map[string]bool{}}
	end := time.Now().Add(length)
	var all sync.WaitGroup
	for i := range processes {
		all.Go(func() {
			for life := 0; time.Now().Before(end); life++ {
				one := cfg
				one.Name, one.Quiet = fmt.Sprintf("p%d-%d", i, life%3), i%3 == 0
				one.Until = time.Now().Add(time.Second + time.Duration(rand.IntN(4000))*time.Millisecond)
				if one.Until.After(end) {
					one.Until = end
				}
				r.run(t, &one)
			}
		})
	}
	all.Wait()
	r.check(t, &cfg)
	return r
}

// run runs one process to its end.
func (r *result) run(t *testing.T, cfg *workerConfig) {
	t.Helper()
	text, err := json.Marshal(cfg)
	if !assert.NoError(t, err) {
		return
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])
	cmd.Env = append(os.Environ(), workerVariable+"="+string(text), "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if !assert.NoError(t, err) || !assert.NoError(t, cmd.Start()) {
		return
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var said report
		if assert.NoError(t, json.Unmarshal(lines.Bytes(), &said)) {
			r.note(said)
		}
	}
	if err := cmd.Wait(); err != nil {
		r.note(report{Trouble: err.Error()})
	}
}

func (r *result) note(said report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range []struct {
		to   map[string]bool
		what string
	}{{r.added, said.Added}, {r.dropped, said.Dropped}, {r.written, said.Written}} {
		if n.what != "" {
			n.to[n.what] = true
		}
	}
	if said.Trouble != "" {
		r.trouble = append(r.trouble, said.Trouble)
	}
}

// check finds keys that are missing although no process dropped them, and
// records that can't be read.
func (r *result) check(t *testing.T, cfg *workerConfig) {
	t.Helper()
	keys, err := keyset.Load(t.Context(), cfg.file().Read, nil)
	require.NoError(t, err)
	have := map[string]bool{}
	for _, k := range keys.Keys() {
		have[k.ID] = true
	}
	for id := range r.added {
		if !have[id] && !r.dropped[id] {
			r.lostKeys = append(r.lostKeys, id)
		}
	}
	plain := *cfg
	plain.Lacks = ""
	store, closeStore, err := open(&plain)
	require.NoError(t, err)
	for subject := range r.written {
		tok, err := store.Token(t.Context(), keyOf(subject), oauthstore.Need{})
		if err != nil || tok.AccessToken.Expose() != "synthetic-"+subject {
			r.lostRecords = append(r.lostRecords, fmt.Sprintf("%s: %v", subject, err))
		}
	}
	require.NoError(t, closeStore())
	left, err := filepath.Glob(filepath.Join(cfg.Dir, ".keyset-*"))
	require.NoError(t, err)
	assert.Empty(t, left, "half-written keysets")
	t.Logf("%d records; %d keys added, %d dropped, %d left", len(r.written), len(r.added), len(r.dropped), len(have))
}

func TestFiftyProcessesRotateKeysWithoutLoss(t *testing.T) {
	r := play(t, "", length())
	assert.Empty(t, r.trouble)
	assert.Empty(t, r.lostKeys)
	assert.Empty(t, r.lostRecords)
	assert.NotEmpty(t, r.written)
	assert.NotEmpty(t, r.dropped, "some keys were dropped")
}

// Controls: without any one of the protections, keys or records are lost, on a
// busy machine perhaps not in the first run.
func TestWithoutTheLockKeysAreLost(t *testing.T) {
	control(t, "lock", func(r *result) []string { return r.lostKeys })
}

func TestWithoutTheReloadRecordsAreLost(t *testing.T) {
	control(t, "reload", func(r *result) []string { return r.lostRecords })
}

func TestWithoutTheWaitRecordsAreLost(t *testing.T) {
	control(t, "wait", func(r *result) []string { return slices.Concat(r.lostRecords, r.trouble) })
}

func control(t *testing.T, lacks string, lost func(*result) []string) {
	t.Helper()
	needsSoak(t)
	const runs = 6
	for range runs {
		if len(lost(play(t, lacks, 20*time.Second))) > 0 {
			return
		}
	}
	assert.Fail(t, "nothing was lost", "in %d runs without the %s", runs, lacks)
}

func needsSoak(t *testing.T) {
	t.Helper()
	if os.Getenv("TOOLGRANT_SOAK") == "" {
		t.Skip("TOOLGRANT_SOAK is not set")
	}
}

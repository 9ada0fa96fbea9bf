package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	out := flag.String("o", "ratios.json", "write the result to this `file`; \"\" writes none")
	length := flag.Duration("t", 30*time.Second, "measure for so long")
	only := flag.String("run", "", "measure rows whose name contains this `text`, and the rows that they are compared with; relay: the relay")
	flag.Parse()
	if err := run(context.Background(), *out, *length, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string, length time.Duration, only string) error {
	// Programs that serve requests have contexts that can end.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	world, err := newWorld(ctx, dir, os.Getenv("TOOLGRANT_TEST_POSTGRES"))
	if err != nil {
		return err
	}
	defer world.close()
	r := newReport(measure(selected(world.rows, only), length), world.skipped)
	if strings.Contains("relay", only) {
		if r.Relay, err = measureRelay(ctx, length); err != nil {
			return err
		}
	}
	if err := r.print(os.Stdout); err != nil || out == "" {
		return err
	}
	return r.write(out)
}

// selected returns the rows whose name contains text and those that they are
// compared with.
func selected(rows []row, text string) []row {
	wanted := make(map[string]bool)
	for _, r := range rows {
		if strings.Contains(r.name, text) {
			wanted[r.name], wanted[r.against] = true, true
		}
	}
	var out []row
	for _, r := range rows {
		if wanted[r.name] {
			out = append(out, r)
		}
	}
	return out
}

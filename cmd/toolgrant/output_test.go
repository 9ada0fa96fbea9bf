package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A fullWriter is an output that can't be written, such as a full disk.
type fullWriter struct{}

func (fullWriter) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	for _, args := range [][]string{{"status", "--json"}, {"status"}, {"version"}, {"providers", "--json"}} {
		var errOut bytes.Buffer
		assert.Equal(t, exitFailed, run(t.Context(), args, strings.NewReader(""), fullWriter{}, &errOut, c.env), args)
		assert.Contains(t, errOut.String(), "no space left on device", args)
	}
}

// A log collector that hangs must not stop the relay.
func TestAReaderThatStallsDoesNotStopTheRelay(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	out, in := io.Pipe() // has no buffer
	t.Cleanup(func() { _ = out.Close() })
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"relay", "--allow-loopback", "--json"}, strings.NewReader(""), in, io.Discard, c.env)
	}()
	line, err := bufio.NewReaderSize(out, 16).ReadString('\n')
	require.NoError(t, err)
	var first listeningView
	require.NoError(t, json.Unmarshal([]byte(line), &first), line)
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for range 2 * maxLines {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, first.URL+"/notes/"+strings.Repeat("A", 24), strings.NewReader("{}"))
		require.NoError(t, err)
		resp, err := client.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	}
	stop()
	assert.Equal(t, exitDone, <-ended)
}

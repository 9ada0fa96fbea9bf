package faultproxy_test

import (
	"bufio"
	"context"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/faultproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A server responds to each line with "done" and records the lines.
type server struct {
	net.Listener
	mu   sync.Mutex
	done []string
}

func newServer(t *testing.T) *server {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{Listener: l}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return s
}

func (s *server) serve(c net.Conn) {
	defer c.Close()
	for lines := bufio.NewReader(c); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return // ignore an incomplete line
		}
		s.mu.Lock()
		s.done = append(s.done, line[:len(line)-1])
		s.mu.Unlock()
		if _, err := c.Write([]byte("done\n")); err != nil {
			return
		}
	}
}

func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
}

// A client sends lines through the proxy, on a new connection if the old one
// was cut.
type client struct {
	t    *testing.T
	addr string
	conn net.Conn
}

// ask reports whether a response arrived. It sends the line in two pieces, so
// that no text arrives in one.
func (c *client) ask(line string) bool {
	if c.conn == nil {
		conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", c.addr)
		require.NoError(c.t, err)
		c.t.Cleanup(func() { _ = conn.Close() })
		c.conn = conn
	}
	half := len(line) / 2
	for _, piece := range []string{line[:half], line[half:] + "\n"} {
		if _, err := c.conn.Write([]byte(piece)); err != nil {
			c.conn = nil
			return false
		}
	}
	answer, err := bufio.NewReader(c.conn).ReadString('\n')
	if err != nil {
		c.conn = nil
		return false
	}
	return answer == "done\n"
}

func start(t *testing.T) (*server, *faultproxy.Proxy, *client) {
	t.Helper()
	s := newServer(t)
	p, err := faultproxy.Start(s.Addr().String())
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return s, p, &client{t: t, addr: p.Addr()}
}

func TestStoppedRequestDoesNotArrive(t *testing.T) {
	t.Parallel()
	s, p, c := start(t)
	struck := p.Stop([]byte("write"), 2)
	assert.True(t, c.ask("write 1"))
	assert.False(t, c.ask("write 2"))
	<-struck
	assert.True(t, c.ask("write 3"))
	assert.Equal(t, []string{"write 1", "write 3"}, s.asked())
}

func TestLostResponseWasSent(t *testing.T) {
	t.Parallel()
	s, p, c := start(t)
	struck := p.Lose([]byte("write"), 2)
	assert.True(t, c.ask("write 1"))
	assert.True(t, c.ask("read"))
	assert.False(t, c.ask("write 2"))
	<-struck
	assert.True(t, c.ask("write 3"))
	assert.Equal(t, []string{"write 1", "read", "write 2", "write 3"}, s.asked())
}

func TestDownRejectsConnections(t *testing.T) {
	t.Parallel()
	s, p, c := start(t)
	assert.True(t, c.ask("1"))
	p.Down()
	assert.False(t, c.ask("2"), "the old connection is cut")
	assert.False(t, c.ask("3"), "a new one is rejected")
	p.Up()
	assert.True(t, c.ask("4"))
	p.CutAll()
	assert.False(t, c.ask("5"))
	assert.True(t, c.ask("6"))
	assert.NotContains(t, s.asked(), "2")
	assert.NotContains(t, s.asked(), "3")
}

func TestFrozenBytesArriveAfterThaw(t *testing.T) {
	t.Parallel()
	_, p, c := start(t)
	assert.True(t, c.ask("1"))
	p.Freeze()
	p.Freeze()
	_, err := c.conn.Write([]byte("2\n"))
	require.NoError(t, err)
	// Nothing arrives, however long the client waits; without the freeze this
	// would be long enough.
	require.NoError(t, c.conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err = c.conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, c.conn.SetReadDeadline(time.Time{}))
	p.Thaw()
	answer, err := bufio.NewReader(c.conn).ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "done\n", answer)
}

func TestFaultCanTakeTheProxyDown(t *testing.T) {
	t.Parallel()
	s, p, c := start(t)
	struck := p.StopAndDown([]byte("write"), 1)
	assert.False(t, c.ask("write 1"))
	<-struck
	assert.False(t, c.ask("read 1"), "a retry is rejected")
	p.Up()
	struck = p.LoseAndDown([]byte("write"), 1)
	assert.False(t, c.ask("write 2"))
	<-struck
	assert.False(t, c.ask("read 2"))
	p.Up()
	assert.True(t, c.ask("write 3"))
	assert.Equal(t, []string{"write 2", "write 3"}, s.asked())
}

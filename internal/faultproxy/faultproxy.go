package faultproxy

import (
	"bytes"
	"context"
	"net"
	"slices"
	"sync"
)

// A Proxy forwards TCP connections to one server. Safe for concurrent use.
type Proxy struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu        sync.Mutex // guards the fields below
	closed    bool
	down      bool
	thawed    chan struct{} // closed unless frozen
	links     map[*link]struct{}
	fault     fault
	triggered chan struct{} // closed when the fault has happened
}

// A fault happens when clients have sent its text left times.
type fault struct {
	text []byte
	left int
	lose bool // forward the text, and cut when the response arrives
	down bool // stay down afterwards
}

// A link is one connection through the proxy.
type link struct{ client, server net.Conn }

func (l *link) cut() {
	_ = l.client.Close()
	_ = l.server.Close()
}

// Start listens on a free loopback port.
func Start(target string) (*Proxy, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: l, target: target, links: map[*link]struct{}{}, thawed: make(chan struct{}), triggered: make(chan struct{})}
	close(p.thawed)
	p.running.Go(p.accept)
	return p, nil
}

// Addr returns the proxy's address as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Close cuts all connections and stops the proxy.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Thaw()
	_ = p.listener.Close()
	p.CutAll()
	p.running.Wait()
}

// CutAll cuts all connections; new ones are accepted.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.cut()
	}
}

// Down cuts all connections and rejects new ones until [Proxy.Up].
func (p *Proxy) Down() {
	p.mu.Lock()
	p.down = true
	p.mu.Unlock()
	p.CutAll()
}

// Up accepts connections again.
func (p *Proxy) Up() {
	p.mu.Lock()
	p.down = false
	p.mu.Unlock()
}

// Freeze holds all bytes of all connections, which stay open, until
// [Proxy.Thaw], like a network that silently drops packets.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.thawed:
		p.thawed = make(chan struct{})
	default: // frozen already
	}
}

// Thaw forwards bytes again, starting with those that were held.
func (p *Proxy) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.thawed:
	default:
		close(p.thawed)
	}
}

// Stop cuts the connection on which a client sends text for the nth time from
// now on, counted over all connections: the server does not receive it. The
// channel is closed afterwards. Only one fault is active at a time.
func (p *Proxy) Stop(text []byte, nth int) <-chan struct{} {
	return p.set(fault{text: text, left: nth})
}

// Lose cuts the connection on which the server starts to respond to the nth
// text that clients send from now on: the server has processed the request, and
// the client does not know.
func (p *Proxy) Lose(text []byte, nth int) <-chan struct{} {
	return p.set(fault{text: text, left: nth, lose: true})
}

// StopAndDown is [Proxy.Stop] followed immediately by [Proxy.Down]: a retry
// does not reach the server.
func (p *Proxy) StopAndDown(text []byte, nth int) <-chan struct{} {
	return p.set(fault{text: text, left: nth, down: true})
}

// LoseAndDown is [Proxy.Lose] followed immediately by [Proxy.Down].
func (p *Proxy) LoseAndDown(text []byte, nth int) <-chan struct{} {
	return p.set(fault{text: text, left: nth, lose: true, down: true})
}

func (p *Proxy) set(f fault) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.triggered = f, make(chan struct{})
	return p.triggered
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	down := p.down || p.closed
	p.mu.Unlock()
	if down {
		return
	}
	var d net.Dialer
	server, err := d.DialContext(context.Background(), "tcp", p.target)
	if err != nil {
		return
	}
	l := &link{client: client, server: server}
	p.mu.Lock()
	p.links[l] = struct{}{}
	if p.down || p.closed { // changed while dialing
		l.cut()
	}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.links, l)
		p.mu.Unlock()
	}()

	losing := &losing{}
	var both sync.WaitGroup
	both.Go(func() {
		defer l.cut()
		p.requests(l, losing)
	})
	both.Go(func() {
		defer l.cut()
		p.answers(l, losing)
	})
	both.Wait()
}

// A losing records that the next response on a link must be lost.
type losing struct {
	mu        sync.Mutex
	triggered chan struct{} // closed when it is lost; nil: do not lose it
	down      bool
}

// trigger reports that a fault has happened, after the proxy is down if
// requested.
func (p *Proxy) trigger(triggered chan struct{}, down bool) {
	if down {
		p.Down()
	}
	close(triggered)
}

func (p *Proxy) requests(l *link, lose *losing) {
	buf := make([]byte, 64<<10)
	var tail []byte // the end of the sent bytes, which may have the start of a text
	for {
		n, err := l.client.Read(buf)
		if n > 0 {
			p.mu.Lock()
			f, triggered := p.fault, p.triggered
			triggers := false
			if len(f.text) == 0 {
				tail = nil
			} else {
				tail = tail[max(0, len(tail)-len(f.text)+1):] // may be from an earlier, longer text
				seen := slices.Concat(tail, buf[:n])
				p.fault.left -= bytes.Count(seen, f.text)
				if triggers = p.fault.left <= 0; triggers {
					p.fault.text = nil
				}
				tail = seen[max(0, len(seen)-len(f.text)+1):]
			}
			p.mu.Unlock()
			if triggers && !f.lose {
				p.trigger(triggered, f.down)
				return
			}
			if triggers {
				lose.mu.Lock()
				lose.triggered, lose.down = triggered, f.down
				lose.mu.Unlock()
			}
			if !p.pass(l.server, buf[:n]) {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *Proxy) answers(l *link, lose *losing) {
	buf := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buf)
		lose.mu.Lock()
		triggered, down := lose.triggered, lose.down
		lose.mu.Unlock()
		if n > 0 && triggered != nil {
			p.trigger(triggered, down)
			return
		}
		if n > 0 && !p.pass(l.client, buf[:n]) || err != nil {
			return
		}
	}
}

// pass forwards bytes unless frozen.
func (p *Proxy) pass(to net.Conn, b []byte) bool {
	p.mu.Lock()
	thawed := p.thawed
	p.mu.Unlock()
	<-thawed
	_, err := to.Write(b)
	return err == nil
}

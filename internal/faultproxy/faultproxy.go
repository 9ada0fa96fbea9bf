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

	mu     sync.Mutex // guards what follows
	closed bool
	down   bool
	thawed chan struct{} // closed while bytes pass
	links  map[*link]struct{}
	fault  fault
	struck chan struct{} // closed when the fault has struck
}

// A fault strikes when its text has been sent left times.
type fault struct {
	text []byte
	left int
	lose bool // let it through, and strike when the answer comes
	down bool // and be down from then on
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
	p := &Proxy{listener: l, target: target, links: map[*link]struct{}{}, thawed: make(chan struct{}), struck: make(chan struct{})}
	close(p.thawed)
	p.running.Go(p.accept)
	return p, nil
}

// Addr returns where the proxy listens, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Close cuts all connections and ends the proxy.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Thaw()
	_ = p.listener.Close()
	p.CutAll()
	p.running.Wait()
}

// CutAll cuts all connections; new ones are let in.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.cut()
	}
}

// Down cuts all connections and lets no new one in, until [Proxy.Up].
func (p *Proxy) Down() {
	p.mu.Lock()
	p.down = true
	p.mu.Unlock()
	p.CutAll()
}

// Up lets connections in again.
func (p *Proxy) Up() {
	p.mu.Lock()
	p.down = false
	p.mu.Unlock()
}

// Freeze keeps back all bytes of all connections, which stay open, until
// [Proxy.Thaw]: a network that has silently gone.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.thawed:
		p.thawed = make(chan struct{})
	default: // frozen already
	}
}

// Thaw lets bytes pass again, those that were kept back first.
func (p *Proxy) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.thawed:
	default:
		close(p.thawed)
	}
}

// Stop cuts the connection on which a client is about to send text for the nth
// time from now on, on any connection: the server never gets it. The channel is
// closed when that has happened. There is one fault at a time.
func (p *Proxy) Stop(text []byte, nth int) <-chan struct{} {
	return p.set(fault{text: text, left: nth})
}

// Lose cuts the connection on which the server begins to answer the nth text
// that clients send from now on: the server has done what it was asked, and the
// client does not know.
func (p *Proxy) Lose(text []byte, nth int) <-chan struct{} {
	return p.set(fault{text: text, left: nth, lose: true})
}

// StopAndDown is [Proxy.Stop] and from that very moment on [Proxy.Down]: a
// client that tries again does not get through.
func (p *Proxy) StopAndDown(text []byte, nth int) <-chan struct{} {
	return p.set(fault{text: text, left: nth, down: true})
}

// LoseAndDown is [Proxy.Lose] and from that very moment on [Proxy.Down].
func (p *Proxy) LoseAndDown(text []byte, nth int) <-chan struct{} {
	return p.set(fault{text: text, left: nth, lose: true, down: true})
}

func (p *Proxy) set(f fault) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.struck = f, make(chan struct{})
	return p.struck
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
	if p.down || p.closed { // since
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

// losing says that the next answer on a link is to be lost.
type losing struct {
	mu     sync.Mutex
	struck chan struct{} // to be closed then; nil: it is not
	down   bool
}

// strike tells that a fault has struck, once there is no way through any more.
func (p *Proxy) strike(struck chan struct{}, down bool) {
	if down {
		p.Down()
	}
	close(struck)
}

func (p *Proxy) requests(l *link, lose *losing) {
	buf := make([]byte, 64<<10)
	var tail []byte // the end of what was sent, in which a text may have begun
	for {
		n, err := l.client.Read(buf)
		if n > 0 {
			p.mu.Lock()
			f, struck := p.fault, p.struck
			strikes := false
			if len(f.text) == 0 {
				tail = nil
			} else {
				tail = tail[max(0, len(tail)-len(f.text)+1):] // of an earlier, longer text
				seen := slices.Concat(tail, buf[:n])
				p.fault.left -= bytes.Count(seen, f.text)
				if strikes = p.fault.left <= 0; strikes {
					p.fault.text = nil
				}
				tail = seen[max(0, len(seen)-len(f.text)+1):]
			}
			p.mu.Unlock()
			if strikes && !f.lose {
				p.strike(struck, f.down)
				return
			}
			if strikes {
				lose.mu.Lock()
				lose.struck, lose.down = struck, f.down
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
		struck, down := lose.struck, lose.down
		lose.mu.Unlock()
		if n > 0 && struck != nil {
			p.strike(struck, down)
			return
		}
		if n > 0 && !p.pass(l.client, buf[:n]) || err != nil {
			return
		}
	}
}

// pass forwards bytes, unless they are kept back.
func (p *Proxy) pass(to net.Conn, b []byte) bool {
	p.mu.Lock()
	thawed := p.thawed
	p.mu.Unlock()
	<-thawed
	_, err := to.Write(b)
	return err == nil
}

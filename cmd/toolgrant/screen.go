package main

import (
	"io"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/lipgloss"
)

// A screen is a terminal with a last line that moves while something goes on.
// Where nothing may move, it writes what it is given and nothing else. It is
// safe for concurrent use.
type screen struct {
	w     io.Writer
	width func() int
	look  lipgloss.Style

	mu     sync.Mutex // guards what follows
	status string     // what the moving line says; "": there is none
	since  time.Time  // from when it counts
	frame  int
	drawn  bool

	stop  chan struct{} // closed: the moving ends; nil: nothing moves
	ended chan struct{} // closed: it has ended
}

// newScreen returns a screen, which the caller closes.
func newScreen(w io.Writer, u *ui) *screen {
	s := &screen{w: w, width: u.width, look: u.dim}
	if u.live {
		s.stop, s.ended = make(chan struct{}), make(chan struct{})
		go s.move()
	}
	return s
}

// Sequences that every terminal knows that has colours.
const clearLine = "\r\x1b[2K"

var frames = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// move draws the moving line until the screen is closed.
func (s *screen) move() {
	defer close(s.ended)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.draw()
		}
	}
}

func (s *screen) draw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status == "" {
		return
	}
	s.frame++
	elapsed := ""
	if d := time.Since(s.since); d >= time.Second {
		elapsed = "  " + brief(d)
	}
	const mark = 3 // and the gap behind it
	line := string(frames[s.frame%len(frames)]) + "  " + cut(s.status, s.width()-1-mark-len(elapsed)) + elapsed
	_, _ = io.WriteString(s.w, clearLine+s.look.Render(line))
	s.drawn = true
}

// say changes what the moving line says; "" takes it away.
func (s *screen) say(status string) {
	if s.stop == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	s.status, s.since = status, time.Now()
}

// write writes in place of the moving line, which comes back behind it if the
// text ends its line.
func (s *screen) write(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	if !strings.HasSuffix(text, "\n") {
		s.status = ""
	}
	_, _ = io.WriteString(s.w, text)
}

// clear wants mu.
func (s *screen) clear() {
	if s.drawn {
		_, _ = io.WriteString(s.w, clearLine)
		s.drawn = false
	}
}

// close takes the moving line away and waits for what moves it.
func (s *screen) close() {
	if s.stop == nil {
		return
	}
	s.say("")
	close(s.stop)
	<-s.ended
}

package main

import (
	"io"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/lipgloss"
)

// A screen is a terminal with an animated status line at the bottom. Without
// animation, it only writes the given text. It is safe for concurrent use.
type screen struct {
	w     io.Writer
	width func() int
	look  lipgloss.Style

	mu     sync.Mutex // guards what follows
	status string     // text of the status line; "": no status line
	since  time.Time  // start of its elapsed time
	frame  int
	drawn  bool

	stop  chan struct{} // closed: stop the animation; nil: no animation
	ended chan struct{} // closed: the animation has stopped
}

// newScreen returns a screen, which the caller must close.
func newScreen(w io.Writer, u *ui) *screen {
	s := &screen{w: w, width: u.width, look: u.dim}
	if u.live {
		s.stop, s.ended = make(chan struct{}), make(chan struct{})
		go s.move()
	}
	return s
}

// clearLine is supported by every terminal that has colours.
const clearLine = "\r\x1b[2K"

var frames = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// move draws the status line until the screen is closed.
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
	const mark = 3 // with the gap after it
	line := string(frames[s.frame%len(frames)]) + "  " + cut(s.status, s.width()-1-mark-len(elapsed)) + elapsed
	_, _ = io.WriteString(s.w, clearLine+s.look.Render(line))
	s.drawn = true
}

// say changes the status line; "" removes it.
func (s *screen) say(status string) {
	if s.stop == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	s.status, s.since = status, time.Now()
}

// write writes text in place of the status line, which reappears below it if the
// text ends with a newline.
func (s *screen) write(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	if !strings.HasSuffix(text, "\n") {
		s.status = ""
	}
	_, _ = io.WriteString(s.w, text)
}

// clear erases the status line. The caller holds mu.
func (s *screen) clear() {
	if s.drawn {
		_, _ = io.WriteString(s.w, clearLine)
		s.drawn = false
	}
}

// close removes the status line and waits for the animation to stop.
func (s *screen) close() {
	if s.stop == nil {
		return
	}
	s.say("")
	close(s.stop)
	<-s.ended
}

package relay

import (
	"net/http"
	"time"
)

// A writer is the client's side of an exchange. It drops interim responses, which
// carry headers of the server's choice, and gives the client a deadline for each
// write.
type writer struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int // that was sent; 0: none yet
}

func newWriter(w http.ResponseWriter) *writer {
	return &writer{ResponseWriter: w, control: http.NewResponseController(w)}
}

// WriteHeader implements [http.ResponseWriter].
func (w *writer) WriteHeader(status int) {
	if status < http.StatusOK || w.status != 0 {
		return
	}
	w.status = status
	w.deadline()
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *writer) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.deadline()
	return w.ResponseWriter.Write(p)
}

// FlushError is called by [http.ResponseController].
func (w *writer) FlushError() error {
	w.deadline()
	return w.control.Flush()
}

// expect gives the client a deadline for its body, also if the relay does not read
// it: the server does, before it closes the connection.
func (w *writer) expect() { _ = w.control.SetReadDeadline(time.Now().Add(bodyTimeout)) }

// arrived ends the deadline of expect.
func (w *writer) arrived() { _ = w.control.SetReadDeadline(time.Time{}) }

// deadline bounds the next write. Not every ResponseWriter of a program supports
// deadlines.
func (w *writer) deadline() { _ = w.control.SetWriteDeadline(time.Now().Add(writeTimeout)) }

// end sends what is buffered, and leaves no deadline for the next request on the
// connection.
func (w *writer) end() {
	if w.status != 0 {
		_ = w.FlushError()
	}
	_ = w.control.SetWriteDeadline(time.Time{})
}

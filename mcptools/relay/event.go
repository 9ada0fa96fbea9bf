package relay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// errEvent reports a stream that is not an event stream of UTF-8 lines.
var errEvent = errors.New("malformed event stream")

// An event is one event of a server's stream. The relay writes each event anew, so
// that a client reads the same that the relay has judged.
type event struct {
	name, id, retry []byte
	hasID           bool
	data            *buffer
	hasData         bool
}

// An eventReader reads a text/event-stream. Lines end in "\n" or "\r\n"; a lone
// "\r", which is a line end too, is refused: no MCP server sends it, and clients
// differ.
type eventReader struct {
	r     *bufio.Reader
	mem   *memory
	max   int64
	begun bool
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// next returns the next event, whose buffer the caller frees. Comments are skipped.
// At the end of the stream it returns io.EOF; if the last event is incomplete, that
// event only if its data is complete JSON.
func (e *eventReader) next() (*event, error) {
	ev := &event{data: e.mem.buffer(e.max)}
	line := e.mem.buffer(e.max)
	defer line.free()
	for {
		err := e.line(line)
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended {
			ev.data.free()
			return nil, err
		}
		text := line.data
		if !e.begun {
			text, e.begun = bytes.TrimPrefix(text, byteOrderMark), true
		}
		if len(text) > 0 {
			if err := ev.field(text); err != nil {
				ev.data.free()
				return nil, err
			}
		}
		switch {
		case ended && (!ev.hasData || !json.Valid(ev.data.data)):
			ev.data.free()
			return nil, io.EOF
		case ended, len(text) == 0 && (ev.hasData || ev.hasID || ev.retry != nil):
			return ev, nil
		case len(text) == 0:
			ev.name = nil // an event without content
		}
	}
}

// line reads one line, without its end.
func (e *eventReader) line(b *buffer) error {
	b.data = b.data[:0]
	for {
		part, err := e.r.ReadSlice('\n')
		if appendErr := b.append(part); appendErr != nil {
			return appendErr
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		b.data = bytes.TrimSuffix(bytes.TrimSuffix(b.data, []byte("\n")), []byte("\r"))
		if bytes.IndexByte(b.data, '\r') >= 0 {
			return errEvent
		}
		return err
	}
}

// maxField is the maximum length of a name or an id. A client can't send back a
// longer id.
const maxField = maxHeaders

// field adds a line to the event.
func (ev *event) field(line []byte) error {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event", "id", "retry":
		if len(value) > maxField {
			return errTooLarge
		}
	}
	switch string(name) {
	case "event":
		ev.name = bytes.Clone(value)
	case "data":
		if ev.hasData {
			if err := ev.data.append([]byte("\n")); err != nil {
				return err
			}
		}
		ev.hasData = true
		return ev.data.append(value)
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			ev.id, ev.hasID = bytes.Clone(value), true
		}
	case "retry":
		if len(value) > 0 && len(bytes.Trim(value, "0123456789")) == 0 {
			ev.retry = bytes.Clone(value)
		}
	}
	return nil
}

// size returns the length of encode's result at most.
func (ev *event) size(data []byte) int {
	const most = len("event: \nid: \nretry: \ndata: \n\n")
	return most + len(ev.name) + len(ev.id) + len(ev.retry) + len(data) + len("data: ")*bytes.Count(data, []byte("\n"))
}

// encode returns the event as it is sent, with other data.
func (ev *event) encode(data []byte) []byte {
	var b bytes.Buffer
	b.Grow(ev.size(data))
	field := func(name string, value []byte) {
		b.WriteString(name)
		b.Write(value)
		b.WriteByte('\n')
	}
	if len(ev.name) > 0 {
		field("event: ", ev.name)
	}
	if ev.hasID {
		field("id: ", ev.id)
	}
	if ev.retry != nil {
		field("retry: ", ev.retry)
	}
	if ev.hasData {
		for line := range bytes.SplitSeq(data, []byte("\n")) {
			field("data: ", line)
		}
	}
	b.WriteByte('\n')
	return b.Bytes()
}

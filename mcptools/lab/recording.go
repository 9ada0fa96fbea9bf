package lab

import (
	"embed"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// A Recording is one or more exchanges with OpenAI's API under a name, for
// [Replay].
type Recording struct {
	Name string // such as "424-unauthorized"
	Doc  string // what it contains, in a sentence

	exchanges []exchange
}

// An exchange is a request, by its method and path, and the response.
type exchange struct {
	method, path string   // path is below /v1, such as "/responses"
	status       int      // 0: the connection breaks without a response
	header       []string // lines of "Name: value"
	body         string
	cut          bool // the connection breaks after the body
}

//go:embed recordings/*.http
var recordingFiles embed.FS

// ours are the recordings of this package, in the order of their files.
var ours = sync.OnceValue(func() []Recording {
	files, err := fs.Glob(recordingFiles, "recordings/*.http")
	if err != nil {
		panic("lab: " + err.Error())
	}
	var all []Recording
	for _, file := range files {
		data, err := recordingFiles.ReadFile(file)
		if err != nil {
			panic("lab: " + err.Error())
		}
		found, err := parseRecordings(string(data))
		if err != nil {
			panic(err.Error() + " in " + file)
		}
		all = append(all, found...)
	}
	return all
})

// Recordings returns the recordings of this package. The name of a failure is its
// carrier and its [mcptools.Kind], with a detail where there are several: the
// HTTP status of an error response; "list" and "call" for items of a response;
// "stream" for streams only; "realtime" for events of the Realtime API.
//
// They were written for this package after the documented and reported shapes of
// the API. Their names, ids and texts are invented.
//
// [mcptools.Kind]: https://pkg.go.dev/github.com/toolgrant/toolgrant/mcptools#Kind
func Recordings() []Recording { return slices.Clone(ours()) }

// findRecordings returns the recordings of those names among all. Without names
// it returns all.
func findRecordings(all []Recording, names []string) ([]Recording, error) {
	if len(names) == 0 {
		return all, nil
	}
	var found []Recording
	for _, name := range names {
		i := slices.IndexFunc(all, func(r Recording) bool { return r.Name == name })
		if i < 0 {
			return nil, errtext.Errorf("lab: unknown recording %q: see Recordings", name)
		}
		found = append(found, all[i])
	}
	return found, nil
}

// parseRecordings reads recordings. A line "### NAME" begins one, lines with "# "
// describe it, and a line "> METHOD PATH" begins an exchange. Lines with "< " are
// the status and the header of the response, and the body follows an empty line.
func parseRecordings(text string) ([]Recording, error) {
	var all []Recording
	var body []string
	var now *exchange
	inBody := false
	finish := func() {
		if now != nil {
			for len(body) > 0 && body[len(body)-1] == "" {
				body = body[:len(body)-1]
			}
			now.body = strings.Join(body, "\n")
			if last := body[max(0, len(body)-1):]; now.isStream() && len(eventsIn(strings.Join(last, ""))) == 1 {
				now.body += "\n\n" // the event is complete
			}
			all[len(all)-1].exchanges = append(all[len(all)-1].exchanges, *now)
		}
		now, body, inBody = nil, nil, false
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		name, begins := strings.CutPrefix(line, "### ")
		request, asks := strings.CutPrefix(line, "> ")
		head, answers := strings.CutPrefix(line, "< ")
		switch {
		case begins:
			finish()
			all = append(all, Recording{Name: strings.TrimSpace(name)})
		case len(all) == 0:
			if line != "" && !strings.HasPrefix(line, "#") {
				return nil, errtext.Errorf("lab: line %d comes before the first \"### NAME\"", i+1)
			}
		case asks:
			finish()
			method, path, ok := strings.Cut(request, " ")
			if !ok {
				return nil, errtext.Errorf("lab: line %d: want \"> METHOD PATH\"", i+1)
			}
			now = &exchange{method: method, path: strings.TrimPrefix(path, "/v1"), status: -1}
		case now == nil:
			if doc, ok := strings.CutPrefix(line, "# "); ok {
				all[len(all)-1].Doc = strings.TrimSpace(all[len(all)-1].Doc + " " + doc)
			} else if line != "" {
				return nil, errtext.Errorf("lab: line %d: want a description or \"> METHOD PATH\"", i+1)
			}
		case answers && !inBody:
			if err := now.addHead(head); err != nil {
				return nil, errtext.Errorf("lab: line %d: %w", i+1, err)
			}
		case !inBody && line == "":
			inBody = now.status >= 0
		case !inBody:
			return nil, errtext.Errorf("lab: line %d: want \"< STATUS\", then a header, then an empty line", i+1)
		default:
			body = append(body, line)
		}
	}
	finish()
	for _, r := range all {
		if len(r.exchanges) == 0 || slices.ContainsFunc(r.exchanges, func(x exchange) bool { return x.status < 0 }) {
			return nil, errtext.Errorf("lab: recording %q has no request or no response", r.Name)
		}
	}
	return all, nil
}

// cutMark is the line of a response's head after which the connection breaks.
const cutMark = "cut"

// addHead reads a line of a response's head: the status, the mark of a broken
// connection, or a header.
func (x *exchange) addHead(line string) error {
	if x.status < 0 {
		status, err := strconv.Atoi(line)
		if err != nil || status < 0 || status > 599 {
			return errtext.Errorf("invalid status %q", line)
		}
		x.status = status
		return nil
	}
	if line == cutMark {
		x.cut = true
		return nil
	}
	if !strings.Contains(line, ": ") {
		return errtext.Errorf("invalid header %q", line)
	}
	x.header = append(x.header, line)
	return nil
}

// head returns the header of the response.
func (x *exchange) head() http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	for _, line := range x.header {
		name, value, _ := strings.Cut(line, ": ")
		h.Set(name, value)
	}
	return h
}

// isStream reports whether the response is a stream of events.
func (x *exchange) isStream() bool {
	return strings.HasPrefix(x.head().Get("Content-Type"), "text/event-stream")
}

package window

import (
	"encoding/json"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// windows are the values of background_options.completion_window. The one without
// a duration promises nothing.
var windows = map[string]time.Duration{"soonest": 0, "2h": 2 * time.Hour, "8h": 8 * time.Hour}

// Of returns the completion window of a request in JSON; 0 if it has none, or one
// without a duration. An undocumented window is an error, since its length is
// unknown.
func Of(request []byte) (time.Duration, error) {
	var r struct {
		Options struct {
			Window *string `json:"completion_window"`
		} `json:"background_options"`
	}
	_ = json.Unmarshal(request, &r) // OpenAI refuses what is not readable
	if r.Options.Window == nil {
		return 0, nil
	}
	d, ok := windows[*r.Options.Window]
	if !ok {
		return 0, errtext.New("the completion window is not known: it must be soonest, 2h or 8h")
	}
	return d, nil
}

// Text returns a duration without zero minutes and seconds, such as "2h".
func Text(d time.Duration) string {
	text := d.Round(time.Second).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if n := len(text) - len(zero); n > 0 && text[n:] == zero {
			text = text[:n+1]
		}
	}
	return text
}

package fleet_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// The authorization server is slow, sends invalid responses, or loses them. One
// process receives the response, and all apply it.
func TestAllProcessesApplyTheResponseOfOne(t *testing.T) {
	t.Parallel()
	const page = "<html><body>Service Unavailable</body></html>"
	html := http.Header{"Content-Type": {"text/html"}}
	jason := http.Header{"Content-Type": {"application/json"}}
	for _, tt := range []struct {
		name     string
		given    *answer // nil is the server's own, after a delay
		consumed bool    // the server has processed the request
		class    string  // error class in all processes
		wait     time.Duration
		becomes  string // state after an operator retries
	}{
		{"slow", nil, false, "", 0, ""},
		{"429 with Retry-After", &answer{429, http.Header{"Retry-After": {"77"}}, ""}, false, "unavailable", 77 * time.Second, ""},
		{"503 with temporarily_unavailable", &answer{503, jason, `{"error":"temporarily_unavailable"}`}, false, "unavailable", 5 * time.Second, ""},
		{"503 with a page", &answer{503, html, page}, false, "unavailable", 5 * time.Second, ""},
		{"403 of a firewall", &answer{403, html, page}, false, "unavailable", 5 * time.Second, ""},
		{"200 with a page", &answer{200, html, page}, false, "unavailable", 5 * time.Second, ""},
		{"the request is lost", &answer{}, false, "unavailable", 5 * time.Second, ""},
		{"the client's secret is rejected", &answer{401, jason, `{"error":"invalid_client"}`}, false, "misconfigured", 30 * time.Minute, ""},
		{"the response is lost", &answer{}, true, "unavailable", 5 * time.Second, "reauthorize"},
		{"a proxy's 502 replaces the response", &answer{502, html, page}, true, "unavailable", 5 * time.Second, "reauthorize"},
		{"a page replaces the response", &answer{200, html, page}, true, "unavailable", 5 * time.Second, "reauthorize"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, time.Hour)
			f := newFleet(t, s, 4, workerConfig{Place: newPlace(t, "sqlite")})
			fault := func(*post) *answer {
				if tt.given == nil {
					<-time.After(300 * time.Millisecond)
				}
				return tt.given
			}
			// apply reports false if the back-off ended before all had asked: then the
			// machine was too slow for the check.
			apply := func(h held) bool {
				if tt.consumed {
					s.fault(h.chain, nil, fault, nil)
				} else {
					s.fault(h.chain, fault, nil, nil)
				}
				begin, wait := time.Now(), tt.wait
				for range 2 { // the second time no process sends a request
					for i, r := range f.everybody(order{Do: "token", Subject: h.subject}) {
						require.Equal(t, tt.class, r.Class, "%s: %s", f.all[i].name, r.Text)
						if tt.class == "" {
							require.Equal(t, s.sent(h.chain, 0)[0].access, r.Access)
							continue
						}
						require.Equal(t, oauthstore.ReasonRefreshFailing, r.Reason)
						require.Positive(t, r.RetryAfter)
						require.LessOrEqual(t, r.RetryAfter, tt.wait)
						wait = min(wait, r.RetryAfter)
					}
					if tt.class != "" && time.Since(begin) >= wait {
						return false
					}
					require.Len(t, s.sent(h.chain, 0), 1, "refreshes")
				}
				return true
			}
			h := f.put(t)
			for tries := 1; !apply(h); tries++ {
				require.Less(t, tries, 3, "all must ask within a back-off of %v", tt.wait) // a fourth user would count as a failure of the server
				h = f.put(t)
			}
			token := order{Do: "token", Subject: h.subject}
			if tt.class == "" {
				return
			}
			st, _ := f.stored(t, h)
			assert.Equal(t, oauthstore.ReasonRefreshFailing, st.Reason)
			assert.Contains(t, []oauthstore.State{oauthstore.StateDegraded, oauthstore.StateUnknown}, st.State, "users need not connect again for that")

			s.fault(h.chain, nil, nil, nil)
			again := f.all[0].do(order{Do: "refresh", Subject: h.subject, Generation: st.Generation})
			require.Equal(t, tt.becomes, again.Class, again.Text)
			sent := s.sent(h.chain, 0)
			require.Len(t, sent, 2)
			for _, r := range f.everybody(token) {
				require.Equal(t, tt.becomes, r.Class, r.Text)
				require.Equal(t, sent[1].access, r.Access)
			}
			st, access := f.stored(t, h)
			if tt.becomes != "" {
				assert.Equal(t, oauthstore.ReasonLostRotation, st.Reason, "the server issued tokens that no process received")
				assert.Equal(t, 1, f.lostRotations(h.subject), "the loss is reported once")
				return
			}
			assert.Equal(t, oauthstore.StateActive, st.State)
			assert.True(t, s.live(t, access))
			assert.Zero(t, s.counts(t).Reused)
		})
	}
}

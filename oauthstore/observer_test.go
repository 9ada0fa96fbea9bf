package oauthstore_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

func (w *world) of(typ oauthstore.EventType) []oauthstore.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []oauthstore.Event
	for _, e := range w.events {
		if e.Type == typ {
			out = append(out, e)
		}
	}
	return out
}

func TestFewerScopesThanBeforeAreReportedOnce(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name           string
		asked, granted []string
		answers        []string // scope of each refresh; "-": not said
		want           [][]string
	}{
		{"all that was asked for", []string{"a", "b"}, []string{"b", "a"}, []string{"a b", "-", "b a"}, nil},
		{"more than was asked for", []string{"a"}, []string{"a", "b"}, []string{"a b c"}, nil},
		{"less at the consent", []string{"a", "b"}, []string{"a"}, []string{"a", "-", "a"}, [][]string{{"b"}}},
		{"less at a refresh", []string{"a", "b"}, nil, []string{"-", "a", "-", "a"}, [][]string{{"b"}}},
		{"less and less", []string{"a", "b", "c"}, []string{"a", "b"}, []string{"a"}, [][]string{{"c"}, {"b"}}},
		{"offline_access, which is there", []string{"a", "offline_access"}, []string{"a"}, []string{"a"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				w := newWorld(t, nil)
				s := w.replica(t, func(o *oauthstore.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
				key := testKey("u")
				c := w.as.credential("u")
				c.Provenance.ScopesAsked, c.Provenance.ScopesGranted = tc.asked, tc.granted
				_, err := s.Put(t.Context(), key, c)
				require.NoError(t, err)
				for i, scope := range tc.answers {
					body := fmt.Sprintf(`{"access_token":"synthetic-%d","refresh_token":"synthetic-%d","token_type":"Bearer","expires_in":3600`, i, i)
					if scope != "-" {
						body += `,"scope":"` + scope + `"`
					}
					w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
						return answer(200, "application/json", body+"}"), nil
					}
					wait(t, 2*time.Hour)
					_, err := s.Token(t.Context(), key, oauthstore.Need{})
					require.NoError(t, err)
				}
				var got [][]string
				for _, e := range w.of(oauthstore.EventNarrowed) {
					assert.Equal(t, key, e.Key)
					got = append(got, e.Scopes)
				}
				assert.Equal(t, tc.want, got)
				if len(tc.want) > 0 {
					assert.Contains(t, log.String(), "event.scopes="+tc.want[0][0])
				}
			})
		})
	}
}

func TestAClockThatIsOffIsReported(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		date func(received time.Time) string
		slow time.Duration // between the server's date and the end of the answer
		want []time.Duration
	}{
		{"none", func(time.Time) string { return "" }, 0, nil},
		{"not readable", func(time.Time) string { return "yesterday" }, 0, nil},
		{"right", func(at time.Time) string { return at.UTC().Format(http.TimeFormat) }, 0, nil},
		{"right, and the answer slow", func(at time.Time) string { return at.UTC().Format(http.TimeFormat) }, 18 * time.Second, nil},
		{"a little off", func(at time.Time) string { return at.Add(25 * time.Second).UTC().Format(http.TimeFormat) }, 0, nil},
		{"we are behind", func(at time.Time) string { return at.Add(5 * time.Minute).UTC().Format(http.TimeFormat) }, 0, []time.Duration{-5 * time.Minute}},
		{"we are ahead", func(at time.Time) string { return at.Add(-5 * time.Minute).UTC().Format(http.TimeFormat) }, 0, []time.Duration{5*time.Minute - time.Second}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.as.Answer = func(_ int, _ url.Values, consume func() *http.Response) (*http.Response, error) {
					resp := consume()
					resp.Header.Set("Date", tc.date(time.Now()))
					wait(t, tc.slow)
					return resp, nil
				}
				keys := w.crowd(t, 3, nil)
				for range 2 {
					wait(t, 2*time.Hour)
					for _, err := range tokens(context.WithoutCancel(t.Context()), w.store, keys) {
						require.NoError(t, err)
					}
				}
				var got []time.Duration
				for _, e := range w.of(oauthstore.EventClockSkew) {
					got = append(got, e.Skew)
				}
				want := append(tc.want, tc.want...) //nolint:gocritic // once in each of the two hours
				assert.Equal(t, want, got)
			})
		})
	}
}

package connect_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/actor"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
)

func TestEventsOfAConnectionInABrowserNameTheActor(t *testing.T) {
	t.Parallel()
	admin := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(actor.With(r.Context(), "sso:root")))
		})
	}
	plain := func(next http.Handler) http.Handler { return next }
	for want, tt := range map[string]struct {
		opts connect.WebOptions
		wrap func(http.Handler) http.Handler
	}{
		"alice":         {wrap: plain},
		"sso:root":      {wrap: admin},
		"support:alice": {connect.WebOptions{Actor: func(_ *http.Request, o oauthstore.Owner) string { return "support:" + o.Subject }}, admin},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			p := newPlace(t, func(p *place) { p.Options.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			b := newBrowser(tt.wrap(p.site(t, &tt.opts)), "alice")
			w := b.do(http.MethodGet, p.browse(t, b.start(t, "/connect/example")), nil)
			require.Equal(t, http.StatusOK, w.Code)
			assert.Contains(t, log.String(), "event.actor="+want+" event.obtained=consent")
			assert.Contains(t, log.String(), "client=registered actor="+want+"\n")

			log.Reset()
			status, _, page := b.send(t, "/connect/example?way=api_key", url.Values{"key": {"synthetic-key-0123456789"}})
			require.Equal(t, http.StatusSeeOther, status, page)
			assert.Contains(t, log.String(), "event.actor="+want+" event.obtained=static")
			assert.NotContains(t, log.String(), "synthetic-key")

			log.Reset()
			status, _, page = b.send(t, "/connect/example/disconnect", nil)
			require.Equal(t, http.StatusSeeOther, status, page)
			assert.Regexp(t, "disconnected .*event.actor="+want+"\\b", log.String())
		})
	}
}

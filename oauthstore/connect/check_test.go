package connect_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/connect"
)

// Check must agree with Begin, and leave no trace.
func TestCheckAgreesWithBegin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(p *place)
		kind   connect.Kind // "": the consent can begin
	}{
		"all is well":           {func(*place) {}, ""},
		"no registration":       {func(p *place) { p.AS.Metadata["registration_endpoint"] = nil }, connect.KindNoClient},
		"no PKCE":               {func(p *place) { p.AS.Metadata["code_challenge_methods_supported"] = nil }, connect.KindUntrusted},
		"another issuer":        {func(p *place) { p.AS.Metadata["issuer"] = "https://other.example" }, connect.KindUntrusted},
		"no authorize endpoint": {func(p *place) { p.AS.Metadata["authorization_endpoint"] = nil }, ""},
		"closed registration": {func(p *place) {
			p.AS.Register = func(w http.ResponseWriter, _ *http.Request) bool {
				writeJSON(w, http.StatusForbidden, map[string]any{"error": "access_denied"})
				return true
			}
		}, connect.KindNoClient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, c.change)
			err := p.Check(t.Context(), example(), alice, nil)
			assert.Empty(t, p.AS.Registrations(), "a check registers nothing")
			_, began := p.Begin(t.Context(), example(), alice, nil)
			assert.Equal(t, connect.KindOf(began), connect.KindOf(err), "%v", err)
			if c.kind != "" {
				assert.Equal(t, c.kind, connect.KindOf(err))
			}
			if err == nil {
				require.NoError(t, p.Check(t.Context(), example(), alice, nil), "with a stored registration too")
			}
		})
	}
}

package mcptools_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A secret that would end its header, and begin another, is not sent.
func TestSecretThatIsNotAHeaderValueIsRefused(t *testing.T) {
	t.Parallel()
	ways := []providers.Way{{
		ID: "keys", Kind: providers.WayKey, Name: "pair of keys", Obtain: "Make them.",
		Carry: []providers.Carry{{Header: "X-Key"}, {Header: "X-Application-Key", Secret: "application_key"}},
	}}
	p := providers.Custom("notes", "https://notes.example/mcp", &providers.CustomOptions{Name: "Notes", Ways: ways})
	for value, good := range map[string]bool{
		"synthetic-application-key": true, "synthetic\r\nX-Evil: 1": false, "synthetic\n": false, " synthetic": false, "synthetic\x00": false, "synthétique": false,
	} {
		creds := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
			tok := notesToken()
			tok.Provenance.Way = "keys"
			tok.Secrets = map[string]oauthstore.Secret{"application_key": oauthstore.NewSecret(value)}
			return tok, nil
		})
		b, err := mcptools.NewBuilder(p, creds, unprobed(mcptools.Options{}))
		require.NoError(t, err)
		if good {
			_, err = b.Build(t.Context(), ada, nil)
			require.NoError(t, err)
			continue
		}
		f := asFailure(t, b)
		assert.Equal(t, mcptools.KindWrongTokenKind, f.Kind, "%q", value)
		assert.NotContains(t, f.Error(), "synth")
	}
}

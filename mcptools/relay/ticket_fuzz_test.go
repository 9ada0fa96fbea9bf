package relay

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

// FuzzTicket opens texts as tickets: only the text that was sealed opens.
func FuzzTicket(f *testing.F) {
	keys, err := keyset.New()
	require.NoError(f, err)
	s := seal{keys}
	made, err := newTicket(&mcptools.RelayGrant{
		Key:   oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "ada"}, Provider: "notes", Server: "https://notes.example/mcp"},
		Grant: "g", AllowedTools: []string{"search"},
	}, time.Hour, time.Now())
	require.NoError(f, err)
	good, err := s.sealTicket(context.Background(), made)
	require.NoError(f, err)
	session, err := s.sealSession(context.Background(), "session", made.key(), "g")
	require.NoError(f, err)
	for _, text := range []string{"", "A", "AQ", "====", good[:40], good + "A", session, "AQAAAAAA"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := s.openTicket(context.Background(), text)
		require.ErrorIs(t, err, errTicket)
		require.Nil(t, got)
		_, err = s.openSession(context.Background(), text, made.key(), "other")
		require.ErrorIs(t, err, errTicket)
		// The same bytes changed into a ticket: XOR with the good one.
		mixed := []byte(good)
		for i := range min(len(mixed), len(text)) {
			mixed[i] ^= text[i]
		}
		if string(mixed) != good {
			_, err = s.openTicket(context.Background(), string(mixed))
			require.ErrorIs(t, err, errTicket)
		}
	})
}

package mcptools_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// wordsOfEntries are the longer ones that an entry or an error may hold anyway.
const wordsOfEntries = "authorization server_description server_label server_url connector_id tunnel_id " +
	"require_approval allowed_tools tool_names read_only defer_loading allowed_callers programmatic [redacted]"

// For any input, Build returns no entry or one that OpenAI accepts.
func FuzzBuilder(f *testing.F) {
	f.Add("notes", "Notes of the team.", notesURL, notesText, "X-Notes-Space", "team", "read,search", "", uint8(0), uint8(0))
	f.Add("Notes-2_", "", notesURL, notesText, "X-A", "1", "read,write", "write", uint8(1), uint8(3))
	f.Add("a", "", notesURL, notesText, "Authorization", "Bearer "+notesText, "", "", uint8(2), uint8(1))
	f.Add("a", "", notesURL, "Bearer "+notesText, "", "", "", "", uint8(0), uint8(0))
	f.Add("1a", "\x00", "https://u:p@a.example/mcp#x", "a\r\nX: y", "x y", "\r\n", ",", ",", uint8(3), uint8(255))
	f.Add("a", "", notesURL, notesText, "", "", "", "tunnel_0123456789abcdefghijklmnopqrstuv", uint8(4), uint8(64))
	f.Add("a", "", notesURL, notesText, "", "", "", "connector_gmail", uint8(0), uint8(128))
	f.Add("a", "", "https://a.example/%zz?x= ", notesText, "", "", "", "", uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, label, description, url, token, header, value, allowed, other string, approval, flags uint8) {
		o := mcptools.Options{
			Label: label, Description: description, InsecureSkipProbe: true,
			ReadOnly: flags&1 != 0, DeferLoading: flags&2 != 0, UseHeaders: flags&4 != 0,
		}
		if header != "" {
			o.Headers = map[string]string{header: value}
		}
		if allowed != "" {
			o.AllowedTools = strings.Split(allowed, ",")
		}
		names := strings.Split(other, ",")
		switch approval % 5 {
		case 1:
			o.Approval = mcptools.Approval{Always: names}
		case 2:
			o.Approval = mcptools.ApprovalNever
		case 3:
			o.Approval = mcptools.Approval{Never: names, InsecureTrustReadOnly: flags&8 != 0}
		case 4:
			o.Approval = mcptools.Approval{InsecureTrustReadOnly: true}
		}
		if flags&16 != 0 {
			o.AllowedCallers = []string{"programmatic"}
		}
		if flags>>6 == 1 {
			o.TunnelID = other
		}

		// A token that stands in what is no secret as well proves nothing.
		public := strings.Join([]string{label, description, url, header, allowed, other, wordsOfEntries}, "\n")
		telling := len(token) > 7 && !strings.Contains(public, token)

		b, err := mcptools.NewBuilder(providers.Custom("notes", url, nil), has(oauthstore.Token{AccessToken: oauthstore.NewSecret(token)}), &o)
		if err != nil {
			return
		}
		e, err := b.Entry(t.Context(), ada, nil)
		if err != nil {
			require.Nil(t, e.Tool().OfMcp)
			if telling {
				require.NotContains(t, err.Error(), token)
			}
			return
		}
		raw := requireValid(t, e.Tool())
		again, err := json.Marshal(e.Realtime())
		require.NoError(t, err)
		require.JSONEq(t, string(raw), string(again))
		redacted, err := json.Marshal(e)
		require.NoError(t, err)
		if telling {
			require.NotContains(t, string(redacted), token)
		}
	})
}

package backend_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

func TestTheTextOfAnIDIsReadBack(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]backend.ID{
		"empty":      {},
		"full":       {Kind: "k", Tenant: "t", Subject: "s", Provider: "p", Account: "a", Server: "https://x.example/mcp"},
		"separators": {Kind: "1:", Tenant: ":", Subject: "0:", Provider: "", Account: "日本", Server: "2:ab"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := id.MarshalText()
			require.NoError(t, err)
			var back backend.ID
			require.NoError(t, back.UnmarshalText(text))
			assert.Equal(t, id, back)
		})
	}
}

func TestAnInvalidIDChangesNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "1", "1:", "1:k", "1:k1:t1:s1:p1:a", "1:k1:t1:s1:p1:a1:u1:x", "01:k1:t1:s1:p1:a1:u", "-1:", "+1:k1:t1:s1:p1:a1:u", "9999999999999999999:k"} {
		id := backend.ID{Kind: "before"}
		require.Error(t, id.UnmarshalText([]byte(text)), "%q", text)
		assert.Equal(t, backend.ID{Kind: "before"}, id, "%q", text)
	}
}

func FuzzID(f *testing.F) {
	f.Add("1:k1:t1:s1:p1:a1:u")
	f.Add("0:0:0:0:0:0:")
	f.Add("2:1:0:0:0:0:0:")
	f.Fuzz(func(t *testing.T, text string) {
		var id backend.ID
		if id.UnmarshalText([]byte(text)) != nil {
			return
		}
		back, err := id.MarshalText()
		require.NoError(t, err)
		require.Equal(t, text, string(back), "an id has one text")
	})
}

package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/redact"
	"github.com/toolgrant/toolgrant/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "tok/7f3a:AbCd_Ef-GhIj+KlMn~OpQr=St&UvWxYz<0123>456789"

// notations are the ways in which a server may write what it received.
func notations(part string) map[string]string {
	basic := func(user string) string { return base64.StdEncoding.EncodeToString([]byte(user + ":" + part)) }
	text, err := json.Marshal(part)
	if err != nil {
		panic(err)
	}
	var all strings.Builder
	for _, c := range []byte(part) {
		fmt.Fprintf(&all, "%%%02X", c)
	}
	every := all.String()
	return map[string]string{
		"as it is":           part,
		"in capitals":        strings.ToUpper(part),
		"query":              url.QueryEscape(part),
		"path":               url.PathEscape(part),
		"every byte percent": every,
		"percent, small":     strings.ToLower(every),
		"hex":                hex.EncodeToString([]byte(part)),
		"HEX":                strings.ToUpper(hex.EncodeToString([]byte(part))),
		"JSON":               strings.Trim(string(text), `"`),
		"Go string":          strings.Trim(strconv.QuoteToASCII(part), `"`),
		"base64":             base64.StdEncoding.EncodeToString([]byte(part)),
		"base64, raw":        base64.RawStdEncoding.EncodeToString([]byte(part)),
		"base64url":          base64.URLEncoding.EncodeToString([]byte(part)),
		"base64url, raw":     base64.RawURLEncoding.EncodeToString([]byte(part)),
		"base64 in a query":  url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(part))),
		"Basic, aligned 0":   basic("us"),
		"Basic, aligned 1":   basic("use"),
		"Basic, aligned 2":   basic("user"),
		"Basic, escaped":     base64.StdEncoding.EncodeToString([]byte("client:" + url.QueryEscape(part))),
	}
}

// ends is how much of a notation may stay at each end: the characters that
// bytes beside the secret have a part in.
func ends(name string) int {
	switch {
	case strings.Contains(name, "percent"):
		return 2
	case strings.HasPrefix(name, "Basic"):
		return 12
	}
	return 4
}

func TestEveryWindowOfASecretIsRemovedInEveryNotation(t *testing.T) {
	t.Parallel()
	r := redact.New(secret.New(token))
	for length := 8; length <= len(token); length++ {
		for from := 0; from+length <= len(token); from++ {
			part := token[from : from+length]
			for name, written := range notations(part) {
				out := r.Redact("before " + written + " after")
				require.Contains(t, out, "[redacted]", "%s of %q: %q", name, part, written)
				require.True(t, strings.HasPrefix(out, "before ") && strings.HasSuffix(out, " after"), "%q", out)
				kept := strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(out, "before "), " after"), "[redacted]", "")
				require.LessOrEqual(t, len(kept), 2*ends(name), "%s of %q: %q became %q", name, part, written, out)
				require.True(t, r.Holds(written))
			}
		}
	}
}

func TestOtherTextStays(t *testing.T) {
	t.Parallel()
	r := redact.New(secret.New(token), secret.New("abc"), secret.Secret{})
	for _, text := range []string{
		"", "short", "an ordinary sentence about tok/7f3 and a token", "a b c abc", "\xff\x00é", strings.Repeat("0123456", 100),
		token[:7] + " " + token[7:14], hex.EncodeToString([]byte(token[:7])), base64.StdEncoding.EncodeToString([]byte(token[:6])),
	} {
		assert.Equal(t, text, r.Redact(text))
		assert.False(t, r.Holds(text))
	}
	assert.Equal(t, token, (&redact.Redactor{}).Redact(token))
}

func TestShortSecretsAreRemovedWhole(t *testing.T) {
	t.Parallel()
	r := redact.New(secret.New("s3cret"))
	assert.Equal(t, "it is [redacted], [redacted]!", r.Redact("it is s3cret, S3CRET!"))
}

func TestLongSecretsAreRemovedAtBothEnds(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 10<<10) + "begin-of-key" + strings.Repeat("y", 20<<10) + "end-of-the-key"
	r := redact.New(secret.New(long))
	assert.Equal(t, "[redacted]", r.Redact(long[len(long)-100:]))
	assert.Equal(t, "[redacted]", r.Redact(long[:100]))
}

func TestAHeadersCredentialsAreSecrets(t *testing.T) {
	t.Parallel()
	basic := base64.StdEncoding.EncodeToString([]byte("user@example.com:p4ss"))
	r := redact.New(redact.Header(http.Header{
		"Authorization": {"Bearer short", "Basic " + basic}, "X-Mcp-Readonly": {"true"}, "X-Api-Key": {"key-0123456789"},
	})...)
	assert.Equal(t, "it is true: [redacted], [redacted], [redacted] of [redacted], [redacted]",
		r.Redact("it is true: short, key-0123456789, p4ss of user@example.com, "+basic))
}

func TestARunOfWindowsIsOnePlaceholder(t *testing.T) {
	t.Parallel()
	r := redact.New(secret.New("first-secret-1"), secret.New("other-secret-2"))
	assert.Equal(t, "a [redacted] b [redacted] c [redacted]", r.Redact("a first-secret-1 b other-secret-2 c first-secret-1other-secret-2"))
}

func FuzzRedact(f *testing.F) {
	f.Add("secret-token-0123456789", "the token ", " is bad")
	f.Add("aaaaaaaaa", strings.Repeat("a", 2000), "")
	f.Add("2/12:ab-_%+", "\xff\x00\u202e", "%")
	f.Fuzz(func(t *testing.T, text, before, after string) {
		r := redact.New(secret.New(text))
		for _, in := range []string{before, before + text + after, before + hex.EncodeToString([]byte(text)) + after} {
			out := r.Redact(in)
			if out != in != r.Holds(in) {
				t.Fatalf("Holds(%q) = %v, but it becomes %q", in, r.Holds(in), out)
			}
			// The placeholder itself may be a part of the secret.
			if len(text) >= 8 && !strings.Contains("[redacted]"+before+after+"[redacted]", text) && !strings.Contains(text, "[redacted]") &&
				strings.Contains(strings.ReplaceAll(out, "[redacted]", "\x00"), text) {
				t.Fatalf("%q still holds %q", out, text)
			}
		}
	})
}

func BenchmarkRedact(b *testing.B) {
	s := secret.New(strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz", 60)) // a JWT of 2 KB
	text := strings.Repeat("a server said something ", 340)
	for b.Loop() {
		_ = redact.New(s).Redact(text)
	}
}

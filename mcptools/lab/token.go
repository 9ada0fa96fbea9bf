package lab

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"time"
)

// newToken returns a new token. All kinds look alike, REST or MCP, access or
// refresh, so only a server can distinguish them. None looks like a token of a
// vendor, about which builders warn.
func newToken() string {
	return "lab/" + digits(16) + "/" + digits(16) + ":" + hexText(16)
}

func digits(n int) string {
	var b strings.Builder
	b.WriteString("1")
	for b.Len() < n {
		d, err := rand.Int(rand.Reader, big.NewInt(10))
		if err != nil {
			panic(err) // crypto/rand never fails
		}
		b.WriteString(d.String())
	}
	return b.String()
}

func hexText(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// fingerprint identifies a token in test output without revealing it.
func fingerprint(token string) string {
	if token == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:4])
}

// A family holds all tokens of one consent.
type family struct {
	client   string
	subject  string
	audience string // the resource; "" is the REST API
	scopes   []string
	revoked  bool
}

type accessToken struct {
	*family
	expires time.Time // zero: never
	dead    bool
}

type refreshToken struct {
	*family
	usedAt time.Time // zero: not yet
}

type authCode struct {
	*family
	redirectURI string
	challenge   string
	resource    string // as it was asked for
	expires     time.Time
	used        bool
}

// alive reports whether the token is valid now.
func (t *accessToken) alive(now time.Time) bool {
	return t != nil && !t.dead && !t.revoked && (t.expires.IsZero() || now.Before(t.expires))
}

// issue adds an access token to a family. The caller holds a.mu.
func (a *authServer) issue(f *family) (token string, ttl time.Duration) {
	ttl = a.w.ttl
	if token = newToken(); a.w.faults.strikes("auth", "jwt") {
		token = a.jwt(f, ttl)
	}
	a.access[token] = &accessToken{family: f, expires: a.w.now().Add(ttl)}
	return token, ttl
}

// jwt returns an access token that names its audience (RFC 9068). The lab looks
// tokens up, so its signature is random.
func (a *authServer) jwt(f *family, ttl time.Duration) string {
	encode := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			panic(err) // strings and numbers
		}
		return base64.RawURLEncoding.EncodeToString(data)
	}
	audience := f.audience
	if audience == "" {
		audience = a.w.base + "/rest"
	}
	return encode(map[string]string{"alg": "ES256", "typ": "at+jwt"}) + "." +
		encode(map[string]any{"iss": a.issuer, "sub": f.subject, "aud": audience, "exp": a.w.now().Add(ttl).Unix()}) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(hexText(32)))
}

// issueRefresh adds a refresh token to a family. The caller holds a.mu.
func (a *authServer) issueRefresh(f *family) string {
	token := newToken()
	a.refresh[token] = &refreshToken{family: f}
	return token
}

// spend uses a refresh token and reports whether it was valid. The second use of
// a rotating one revokes the family (RFC 9700 section 4.14.2). The caller holds
// a.mu.
func (a *authServer) spend(rt *refreshToken) (ok bool, why string) {
	now := a.w.now()
	switch {
	case rt.revoked:
		return false, "The refresh token is revoked."
	case a.confidential || rt.usedAt.IsZero():
		rt.usedAt = now
		return true, ""
	case now.Sub(rt.usedAt) <= a.w.opts.RotationGrace && a.w.opts.RotationGrace > 0:
		return true, ""
	}
	rt.revoked = true
	return false, "The refresh token has been used before. All tokens of this consent are revoked."
}

// lookup returns a copy of an access token's record.
func (w *World) lookup(token string) (t accessToken, known bool) {
	for _, a := range []*authServer{w.auth, w.appAuth} {
		a.mu.Lock()
		found := a.access[token]
		if found != nil {
			fam := *found.family
			fam.scopes = slices.Clone(fam.scopes)
			t, known = *found, true
			t.family = &fam
		}
		a.mu.Unlock()
	}
	return t, known
}

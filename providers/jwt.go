package providers

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"math"
	"net/url"
	"strings"
	"time"
)

// A JWT holds the claims of a JSON Web Token (RFC 7519). They are not verified,
// and all are text from the token: keep them out of logs that others read.
type JWT struct {
	Issuer   string    // iss
	Subject  string    // sub: the user, in the issuer's words; "": none
	Audience []string  // aud
	ClientID string    // client_id (RFC 9068), azp or cid: the client that it was issued to; "": none
	Expiry   time.Time // exp; zero: none
	IDToken  bool      // it claims to be an ID token, which names a user and gives no access
	role     string    // Supabase's
}

// jwtKinds are the kinds of JWT that Recognize distinguishes.
var jwtKinds = []Recognition{
	{Kind: "jwt", Name: "JSON Web Token", Certainty: Hint},
	{Kind: "microsoft_jwt", Vendor: "Microsoft", Name: "Microsoft Entra access token", Certainty: Likely},
	{Kind: "google_id_token", Vendor: "Google", Name: "Google ID token", Certainty: Certain, Never: "It names a user and opens nothing."},
	{Kind: "id_token", Name: "OpenID Connect ID token", Certainty: Certain, Never: "It names a user and opens nothing."},
	{Kind: "supabase_project_key", Vendor: "Supabase", Name: "Supabase project key", Certainty: Certain},
}

func jwtKind(kind TokenKind, j *JWT) Recognition {
	r, _ := kindOf(kind)
	r.JWT = j
	return r
}

// recognizeJWT recognizes a token of three parts.
func recognizeJWT(token string) (Recognition, bool) {
	j, ok := readJWT(token)
	if !ok {
		return Recognition{}, false
	}
	host := ""
	if u, err := url.Parse(j.Issuer); err == nil {
		host = u.Hostname()
	}
	switch {
	case j.Issuer == "accounts.google.com" || host == "accounts.google.com":
		return jwtKind("google_id_token", j), true
	case j.IDToken:
		return jwtKind("id_token", j), true
	case host == "login.microsoftonline.com" || host == "sts.windows.net":
		return jwtKind("microsoft_jwt", j), true
	case j.Issuer == "supabase" && (j.role == "anon" || j.role == "service_role"):
		return jwtKind("supabase_project_key", j), true
	}
	return jwtKind("jwt", j), true
}

// maxJWT is the maximum length of a decoded token in bytes.
const maxJWT = 16 << 10

func readJWT(token string) (*JWT, bool) {
	part := strings.Split(token, ".")
	if len(part) != 3 || len(token) > maxJWT || !strings.HasPrefix(token, "eyJ") {
		return nil, false
	}
	var head struct {
		Alg string `json:"alg"`
		Typ string `json:"typ"`
	}
	var body struct {
		Issuer   string   `json:"iss"`
		Subject  string   `json:"sub"`
		Audience audience `json:"aud"`
		ClientID string   `json:"client_id"`
		Party    string   `json:"azp"`
		OktaID   string   `json:"cid"`
		Expiry   *float64 `json:"exp"`
		TokenUse string   `json:"token_use"`
		Typ      string   `json:"typ"`
		AtHash   string   `json:"at_hash"`
		Role     string   `json:"role"`
	}
	if !decodePart(part[0], &head) || head.Alg == "" || !decodePart(part[1], &body) {
		return nil, false
	}
	j := &JWT{Issuer: body.Issuer, Subject: body.Subject, Audience: body.Audience, ClientID: cmp.Or(body.ClientID, body.Party, body.OktaID), role: body.Role}
	j.IDToken = body.TokenUse == "id" || strings.EqualFold(body.Typ, "ID") || body.AtHash != ""
	if body.Expiry != nil && *body.Expiry > 0 && *body.Expiry < math.MaxInt32*1000 {
		j.Expiry = time.Unix(int64(*body.Expiry), 0)
	}
	return j, true
}

func decodePart(part string, into any) bool {
	data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	return err == nil && json.Unmarshal(data, into) == nil
}

// An audience is one string or a list of them (RFC 7519, 4.1.3).
type audience []string

// UnmarshalJSON implements [json.Unmarshaler].
func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

package oauth2adapt

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// Credential returns a credential with the tokens of t, for
// [oauthstore.Store.Put]. An oauth2.Token does not say which server and client
// it is for: the caller passes that in p. If p.Obtained is empty,
// [oauthstore.ObtainedImport].
func Credential(t *oauth2.Token, p oauthstore.Provenance) oauthstore.Credential {
	if p.Obtained == "" {
		p.Obtained = oauthstore.ObtainedImport
	}
	return oauthstore.Credential{
		AccessToken: oauthstore.NewSecret(t.AccessToken), RefreshToken: oauthstore.NewSecret(t.RefreshToken), TokenType: t.TokenType,
		Expiry: t.Expiry, Provenance: p,
	}
}

type tokenSource func() (*oauth2.Token, error)

func (f tokenSource) Token() (*oauth2.Token, error) { return f() }

// TokenSource returns the credential of key as an [oauth2.TokenSource], for
// clients that take one. Its tokens have no refresh token: creds is the one
// that refreshes. That interface has no context, so ctx bounds every call of
// the source; nil need means the zero [oauthstore.Need]. Do not wrap it with
// oauth2.ReuseTokenSource, which would serve a pair that others have replaced.
func TokenSource(ctx context.Context, creds oauthstore.Credentials, key oauthstore.Key, need *oauthstore.Need) oauth2.TokenSource {
	var n oauthstore.Need
	if need != nil {
		n = *need
	}
	return tokenSource(func() (*oauth2.Token, error) {
		t, err := creds.Token(ctx, key, n)
		if err != nil {
			return nil, err
		}
		return &oauth2.Token{AccessToken: t.AccessToken.Expose(), TokenType: t.TokenType, Expiry: t.Expiry}, nil
	})
}

// Transport returns a [http.RoundTripper] that authenticates requests to the
// server of key, and refuses any other, so that a redirect can't carry the
// token elsewhere. A 401 is reported with Reject and the answer is passed on;
// nothing is sent twice. base sends the requests; nil means one that dials
// public addresses over https only, uses no proxy, and puts no bound on an
// answer, which may be a stream: requests end with their contexts. With any base,
// plain http is for loopback addresses only. nil need means the zero
// [oauthstore.Need].
func Transport(creds oauthstore.Credentials, key oauthstore.Key, need *oauthstore.Need, base http.RoundTripper) http.RoundTripper {
	t := &transport{creds: creds, key: key, base: base}
	if need != nil {
		t.need = *need
	}
	if base == nil {
		t.base = safehttp.New(&safehttp.Options{Stream: true}).Transport
	}
	return t
}

type transport struct {
	creds oauthstore.Credentials
	key   oauthstore.Key
	need  oauthstore.Need
	base  http.RoundTripper
}

// rejectTimeout bounds the report of a 401, which outlives the request.
const rejectTimeout = 5 * time.Second

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	tok, err := t.token(req)
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper always closes it
		}
		return nil, err
	}
	out := req.Clone(req.Context())
	out.Header.Set("Authorization", "Bearer "+tok.AccessToken.Expose())
	resp, err := t.base.RoundTrip(out)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), rejectTimeout)
		defer cancel()
		var seen oauthstore.Verdict
		if out.URL.Path == t.serverPath() { // another resource of the host may want other tokens
			seen = oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Detail: "the server responded 401"}
		}
		_ = t.creds.Reject(ctx, t.key, tok.Generation, seen) // the next Token verifies or refreshes the pair
	}
	return resp, err
}

func (t *transport) serverPath() string {
	server, err := url.Parse(t.key.Server)
	if err != nil {
		return ""
	}
	return server.Path
}

// token returns the token for a request, if that is for the right server.
func (t *transport) token(req *http.Request) (oauthstore.Token, error) {
	server, err := url.Parse(t.key.Server)
	if err == nil {
		err = safehttp.CheckURL(server, safehttp.PlainLoopback)
	}
	refuse := func(why string) (oauthstore.Token, error) {
		return oauthstore.Token{}, &oauthstore.Error{Op: "send", Key: t.key, Err: oauthstore.ErrMisconfigured, Detail: why}
	}
	switch {
	case errors.Is(err, safehttp.ErrBlocked):
		return refuse("the token goes to https URLs only, or to http ones on loopback")
	case err != nil || server.Scheme != req.URL.Scheme || server.Host != req.URL.Host:
		return refuse("the credential is for another server than the request")
	}
	return t.creds.Token(req.Context(), t.key, t.need)
}

package oauth

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"

	"github.com/toolgrant/toolgrant/internal/secret"
)

var errUnmanaged = errors.New("the registration can't be managed: it has no management URL or token")

// ReadClient reads the current registration from the server (RFC 7592 section
// 2.1). Values that the response omits are taken from known. The management
// token may be a new one: store the result in place of known. An error with
// status 401 or 404 means that the server does not know the client or no longer
// accepts the management token; see [ConfirmDead].
func ReadClient(ctx context.Context, hc *http.Client, known Registration) (*Registration, error) {
	return known.manage(ctx, hc, http.MethodGet, nil)
}

// UpdateClient changes the registration to m (RFC 7592 section 2.2). It also
// renews a secret before it expires, if the server responds with a new one.
// Store the result in place of known.
func UpdateClient(ctx context.Context, hc *http.Client, known Registration, m ClientMetadata) (*Registration, error) {
	document, err := m.document()
	if err != nil {
		return nil, &Error{Op: opManage, Class: ClassConfig, Err: err}
	}
	document.ClientID = known.ClientID
	document.ClientSecret = known.Secret.Expose()
	return known.manage(ctx, hc, http.MethodPut, &document)
}

func (r Registration) manage(ctx context.Context, hc *http.Client, method string, document *clientDocument) (*Registration, error) {
	if r.ManageURL == "" || r.ManageToken.IsZero() {
		return nil, &Error{Op: opManage, Class: ClassConfig, Err: errUnmanaged}
	}
	got, err := registrationPost{op: opManage, method: method, target: r.ManageURL, token: r.ManageToken}.send(ctx, hc, document, r)
	if err == nil && got.ClientID != r.ClientID {
		return nil, &Error{Op: opManage, Class: ClassUnknown, Err: errNoClientID}
	}
	return got, err
}

// A ClientCheck names the client to check.
type ClientCheck struct {
	TokenEndpoint string
	Client        Client
	RedirectURI   string       // one of the client's
	Registration  Registration // its registration, if it can be managed; zero: none
}

// ConfirmDead reports whether the server has deleted the client, so that it
// must be registered again. It reads the registration if it can be managed;
// otherwise, or if that fails, it sends a random authorization code: a server
// that knows the client rejects the code, another one rejects the client. It
// changes nothing and sends at most two requests. False with an error means
// that the state is unknown.
func ConfirmDead(ctx context.Context, hc *http.Client, c ClientCheck) (bool, error) {
	if c.Registration.ManageURL != "" && !c.Registration.ManageToken.IsZero() {
		if _, err := ReadClient(ctx, hc, c.Registration); err == nil {
			return false, nil
		}
	}
	_, err := ExchangeCode(ctx, hc, CodeRequest{
		TokenEndpoint: c.TokenEndpoint,
		Client:        c.Client,
		Code:          secret.New(rand.Text()),
		RedirectURI:   c.RedirectURI,
		Verifier:      secret.New(rand.Text() + rand.Text()),
	})
	var failed *Error
	switch {
	case !errors.As(err, &failed): // the server accepts any code
		return false, nil
	case failed.Class == ClassClient && failed.Code == "invalid_client", failed.Code == "incorrect_client_credentials":
		return true, nil
	case failed.Class == ClassRefused, failed.Class == ClassConfig && failed.Status != 0, failed.Code == "unauthorized_client":
		return false, nil
	}
	return false, err
}

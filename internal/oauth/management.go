package oauth

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"

	"github.com/toolgrant/toolgrant/internal/secret"
)

var errUnmanaged = errors.New("the registration can't be managed: the server gave no address or token for that")

// ReadClient asks the server for the registration as it is now (RFC 7592
// section 2.1). What the answer leaves out is as in known. The management
// token may be a new one: the result is stored in place of known. An error
// with the status 401 or 404 says that the server does not know the client, or
// not by this token any more; see [ConfirmDead].
func ReadClient(ctx context.Context, hc *http.Client, known Registration) (*Registration, error) {
	return known.manage(ctx, hc, http.MethodGet, nil)
}

// UpdateClient changes the registration to m (RFC 7592 section 2.2), and is
// also how a secret is renewed before it ends: the server answers with a new
// one if it has one to give. The result is stored in place of known.
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

// A ClientCheck says which client is asked about.
type ClientCheck struct {
	TokenEndpoint string
	Client        Client
	RedirectURI   string       // one of the client's
	Registration  Registration // its registration, if it has one that can be managed; zero: none
}

// ConfirmDead reports whether the server has forgotten the client, so that
// only a new registration helps. It asks for the registration where it can be
// managed, and else, or if that gives no answer, sends an authorization code
// that nobody issued: a server that knows the client refuses the code, one that
// does not refuses the client. Nothing is changed by it. It sends at most two
// requests. False with an error: it can't be told now.
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
	case !errors.As(err, &failed): // a server that takes any code
		return false, nil
	case failed.Class == ClassClient && failed.Code == "invalid_client", failed.Code == "incorrect_client_credentials":
		return true, nil
	case failed.Class == ClassRefused, failed.Class == ClassConfig && failed.Status != 0, failed.Code == "unauthorized_client":
		return false, nil
	}
	return false, err
}

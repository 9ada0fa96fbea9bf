package connect

import (
	"errors"
	"fmt"
	"strings"

	"github.com/toolgrant/toolgrant/internal/oauth"
)

// A Remedy is a setting with which a consent that failed may succeed. It is for
// an operator who knows the server.
type Remedy string

// Remedies.
const (
	RemedyClient          Remedy = "client"           // an application that a person registers at the authorization server: Options.Apps
	RemedyRedirect        Remedy = "redirect"         // another redirect URL, such as one on localhost: Options.RedirectURL, Ask.RedirectURL
	RemedyScopes          Remedy = "scopes"           // other scopes, or fewer: Ask.Scopes
	RemedyIssuer          Remedy = "issuer"           // an authorization server that the operator names: the provider's OAuth.Issuer
	RemedyNoResource      Remedy = "no_resource"      // the provider's OAuth.NoResource
	RemedyNoPKCEMetadata  Remedy = "no_pkce_metadata" // the provider's OAuth.InsecureNoPKCEMetadata
	RemedyLegacyDiscovery Remedy = "legacy_discovery" // the provider's OAuth.InsecureLegacyDiscovery, or OAuth.Issuer
)

// sentence returns the remedy for the developer of a backend.
func (r Remedy) sentence() string {
	switch r {
	case RemedyClient:
		return "register an application there and add it to Options.Apps"
	case RemedyRedirect:
		return "use a redirect URL that the authorization server accepts"
	case RemedyScopes:
		return "name the scopes to request in Ask.Scopes"
	case RemedyIssuer:
		return "an operator who knows the authorization server names it in the provider's OAuth.Issuer"
	case RemedyNoResource:
		return "set the provider's OAuth.NoResource"
	case RemedyNoPKCEMetadata:
		return "set the provider's OAuth.InsecureNoPKCEMetadata if the authorization server supports S256"
	case RemedyLegacyDiscovery:
		return "set the provider's OAuth.Issuer, or OAuth.InsecureLegacyDiscovery if the server is its own authorization server"
	}
	return ""
}

// remedyOf returns the remedy for a request that an authorization server
// rejected.
func remedyOf(w *oauth.Error) Remedy {
	switch {
	case w.RejectsResource():
		return RemedyNoResource
	case w.RejectsScopes():
		return RemedyScopes
	case w.Code == "unauthorized_client", w.Code == "invalid_client":
		return RemedyClient
	case w.Code == "invalid_redirect_uri":
		return RemedyRedirect
	}
	return ""
}

// describeMetadata sets the detail and the remedy for metadata that can't be
// used. It names both values of a mismatch.
func (e *Error) describeMetadata(w *oauth.Error) {
	switch {
	case errors.Is(w, oauth.ErrNoResource):
		e.Detail, e.Remedy = "the server's protected-resource metadata does not say which resource it is for: it lacks the member resource, which the server's operator must add", RemedyIssuer
	case errors.Is(w, oauth.ErrMetadataLocked) && w.Op == oauth.OpResource:
		e.Detail, e.Remedy = "the server's protected-resource metadata is not public: it answers 401 or 403 without a credential", RemedyIssuer
	case errors.Is(w, oauth.ErrNoMetadata) && w.Op == oauth.OpResource:
		e.Detail, e.Remedy = "the server publishes no protected-resource metadata, as servers before MCP 2025-06-18 and servers that take a key", RemedyLegacyDiscovery
	case errors.Is(w, oauth.ErrMetadataLocked):
		e.Detail = "the authorization server's metadata is not public: it answers 401 or 403 without a credential"
	case errors.Is(w, oauth.ErrNoMetadata):
		e.Detail = "the authorization server publishes no metadata"
	case errors.Is(w, oauth.ErrNoPKCE):
		e.Detail = "the authorization server does not support PKCE with S256"
	case w.Got == "":
		return
	case errors.Is(w, oauth.ErrResourceMismatch):
		e.Detail = fmt.Sprintf("the server's metadata is for the resource %s, not for %s", w.Got, w.Want)
	case errors.Is(w, oauth.ErrIssuerMismatch):
		e.Detail = fmt.Sprintf("the metadata at the authorization server %s names the issuer %s", w.Want, w.Got)
	case errors.Is(w, oauth.ErrBadMetadata):
		e.Detail = fmt.Sprintf("the authorization server's metadata names an endpoint that is not an %s URL: %s", w.Want, w.Got)
	default:
		return
	}
	e.Said = ""
}

// codeFault returns the error for a code that the token endpoint received and
// for which it returned no usable token. The code is then used up.
func codeFault(err error) error {
	w, ok := errors.AsType[*oauth.Error](err)
	if !ok || w.Class == oauth.ClassNotConsumed {
		return err
	}
	e := tokenFault(w)
	if e.Kind == KindRefused {
		e.Detail += ": the code can't be used again, so start again"
	}
	return e
}

// grantFault is codeFault for a grant that may be sent again: only a response
// with status 2xx is final.
func grantFault(err error) error {
	w, ok := errors.AsType[*oauth.Error](err)
	if !ok || w.Status < 200 || w.Status > 299 {
		return err
	}
	return tokenFault(w)
}

func tokenFault(w *oauth.Error) *Error {
	e := &Error{Kind: KindRefused, Said: w.Description, Remedy: remedyOf(w), RetryAfter: w.RetryAfter, Err: w}
	said := []string{"the token endpoint did not respond"}
	if w.Status != 0 {
		said[0] = fmt.Sprintf("the token endpoint responded with HTTP status %d", w.Status)
	}
	switch {
	case w.Code != "":
		said = append(said, "and the error "+w.Code)
	case w.Status >= 200 && w.Status < 300:
		said = append(said, "and no token that can be used")
	}
	e.Detail = strings.Join(said, " ")
	if w.Class == oauth.ClassClient || e.Remedy != "" {
		e.Kind = KindMisconfigured
	}
	return e
}

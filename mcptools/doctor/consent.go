package doctor

import (
	"context"
	"errors"
	"slices"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// Values of Report.Consent.
const (
	ConsentPossible   = "possible"   // a connect gets as far as the user's consent
	ConsentImpossible = "impossible" // it fails before; Report.ConsentReason says why
	ConsentNotNeeded  = "not_needed" // the server needs no credential
	ConsentUnknown    = "unknown"    // a server did not respond
)

// loopbackRedirect is the redirect URL of consents without an application's own.
const loopbackRedirect = "http://127.0.0.1:41617/callback"

// examiner is the owner of examinations, whose records are never stored.
var examiner = oauthstore.Owner{Tenant: "doctor", Subject: "doctor"}

// checkConsent asks package connect whether a consent can begin.
func (e *evidence) checkConsent(ctx context.Context) {
	e.consentErr = e.beginConsent(ctx)
	kind := connect.KindOf(e.consentErr)
	switch {
	case e.consentErr == nil:
		e.consent = ConsentPossible
	case e.openServer():
		e.consent = ConsentNotNeeded
	case ctx.Err() != nil, kind == connect.KindUnavailable, kind == "",
		kind == connect.KindNoClient && e.opts.CheckConsent == nil: // the application may be registered there
		e.consent = ConsentUnknown
	default:
		e.consent = ConsentImpossible
	}
	switch e.consent {
	case ConsentPossible:
		e.stepf("consent", true, "The authorization server's metadata is valid: a user can be asked for consent.")
	case ConsentNotNeeded:
		e.stepf("consent", true, "%s", e.consentReason())
	default:
		e.stepf("consent", e.Token != nil && !hasOAuth(e.at), "A user can't be asked for consent. %s", e.consentReason())
	}
}

// beginConsent returns why a consent can't begin, or nil.
func (e *evidence) beginConsent(ctx context.Context) error {
	if e.opts.CheckConsent != nil {
		return e.opts.CheckConsent(ctx)
	}
	store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, nil)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close(ctx) }()
	c, err := connect.New(store, &connect.Options{
		RedirectURL: loopbackRedirect, InsecureTransport: e.opts.InsecureTransport, InsecureAllowLoopback: e.opts.InsecureAllowLoopback,
	})
	if err != nil {
		return err
	}
	return c.Check(ctx, e.Provider, examiner, &connect.Ask{ServerURL: e.ServerURL})
}

// consentReason returns why a consent is not possible, as a sentence; "" if it
// is.
func (e *evidence) consentReason() string {
	failed, _ := errors.AsType[*connect.Error](e.consentErr)
	switch {
	case e.consent == "":
		return "It was not checked."
	case e.consent == ConsentPossible:
		return ""
	case e.consent == ConsentNotNeeded:
		return "The server needs no credential."
	case failed != nil && failed.Kind == connect.KindUnsupported && !hasOAuth(e.at):
		return "The server takes a key that a person creates, and no consent: " + keyOf(e.at)
	case failed != nil && failed.Detail != "" && failed.Obtain != "":
		return sentenceOf(failed.Detail) + " " + failed.Obtain
	case failed != nil && failed.Detail != "":
		return sentenceOf(failed.Detail)
	}
	if errors.Is(e.consentErr, oauth.ErrNoMetadata) {
		return "The server requires a token, but no metadata says where a user can get one."
	}
	if failed != nil && failed.Err != nil {
		return sentence(failed.Err)
	}
	return sentence(e.consentErr)
}

// keyOf returns how to get a key for a server without OAuth.
func keyOf(p providers.Provider) string {
	for _, w := range p.Ways {
		if w.Kind == providers.WayKey && w.Obtain != "" {
			return w.Obtain
		}
	}
	return "see its documentation."
}

// hasOpenWay reports whether the provider's data has a way without a credential.
func hasOpenWay(p providers.Provider) bool {
	return slices.ContainsFunc(p.Ways, func(w providers.Way) bool { return w.Kind == providers.WayNone })
}

// openServer reports whether the server can be used without a credential: its
// data says so, or it is outside the catalogue and lists its tools for anyone.
func (e *evidence) openServer() bool {
	return hasOpenWay(e.at) || e.Provider.Vendor == "" && e.anyone
}

// consentAction returns want, or what to do instead of a consent that can't
// begin.
func (e *evidence) consentAction(want mcptools.Action) mcptools.Action {
	switch {
	case e.consent == ConsentUnknown && e.answer != nil && connect.KindOf(e.consentErr) == connect.KindUnavailable:
		return mcptools.ActionWait
	case e.consent != ConsentImpossible && e.consent != ConsentNotNeeded:
		return want
	}
	if id := e.consentFault(); id == "untrusted_metadata" {
		return mcptools.ActionCheckServer
	}
	return mcptools.ActionFixConfig // a key, or a registered application
}

// consentFault returns the id of the hypothesis that explains why a consent
// can't begin; "" if it can, or if that is not the server's metadata.
func (e *evidence) consentFault() string {
	if e.consent != ConsentImpossible || !hasOAuth(e.at) {
		return ""
	}
	switch {
	case connect.KindOf(e.consentErr) == connect.KindNoClient:
		return "no_registration"
	case errors.Is(e.consentErr, oauth.ErrNoMetadata):
		return "no_metadata"
	}
	return "untrusted_metadata"
}

// noConsent returns the hypothesis that a consent fails for the reason id.
func noConsent(id string) func(e *evidence) (verdict, detail string) {
	return func(e *evidence) (verdict, detail string) {
		switch {
		case e.consentFault() == id:
			return Confirmed, e.consentReason()
		case e.consent == ConsentPossible:
			return RuledOut, "A user can be asked for consent."
		case connect.KindOf(e.consentErr) == connect.KindNoClient && id == "no_registration":
			return Possible, "The authorization server registers no clients by itself, so the application must be registered there."
		case connect.KindOf(e.consentErr) == connect.KindNoClient:
			return RuledOut, "The metadata is valid."
		case e.consent == "", e.consent == ConsentUnknown:
			return Possible, "The metadata was not checked."
		}
		return RuledOut, "There is no evidence for it."
	}
}

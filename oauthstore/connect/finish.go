package connect

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// take finds the flow of a callback and marks it as taken, so that no other
// callback can use it. It returns the flow with KindStateUsed too.
func (c *Connector) take(ctx context.Context, owner oauthstore.Owner, binding oauthstore.Secret, state string) (*flow, uint64, error) {
	if state == "" || len(state) > maxState {
		return nil, 0, fault(KindStateUnknown, "the callback has no state")
	}
	id := flowID(state)
	for {
		f := new(flow)
		version, err := c.load(ctx, id, f)
		switch {
		case errors.Is(err, oauthstore.ErrNotFound) && version > 0:
			return nil, 0, fault(KindExpired, "")
		case errors.Is(err, oauthstore.ErrNotFound):
			return nil, 0, fault(KindStateUnknown, "")
		case err != nil:
			return nil, 0, err
		}
		now := time.Now()
		// Other users learn only which provider the flow is for.
		stranger := oauthstore.Key{Owner: owner, Provider: f.Key.Provider}
		switch same := digest("binding", binding.Expose()); {
		case subtle.ConstantTimeCompare([]byte(same), []byte(f.Binding)) != 1:
			return nil, 0, &Error{Kind: KindWrongBrowser, Key: stranger}
		case f.Key.Owner != owner:
			return nil, 0, &Error{Kind: KindWrongOwner, Key: stranger}
		case !f.Taken.IsZero():
			return f, 0, &Error{Kind: KindStateUsed, Key: f.Key}
		case !now.Before(f.Ends):
			return nil, 0, &Error{Kind: KindExpired, Key: f.Key}
		}
		mark := flow{Key: f.Key, Binding: f.Binding, ReturnTo: f.ReturnTo, Taken: now}
		version, err = c.save(ctx, id, mark, now.Add(keepTaken), version)
		if errors.Is(err, backend.ErrConflict) {
			continue
		}
		return f, version, err
	}
}

// maxState exceeds the 43 characters of our states.
const maxState = 128

// A Result describes a newly stored credential.
type Result struct {
	// Status is that of the stored credential. Its Verdict is the MCP server's, if
	// [Options.Verify] is set. A refusal is not an error here, since the consent
	// itself succeeded.
	Status   oauthstore.Status
	ReturnTo string // Ask.ReturnTo
	// Warning, if not empty, says that the MCP server did not confirm the token,
	// with the reason and what to do, that the user signed in as another one than
	// before, or why an imported token may be wrong. It may quote the server,
	// shortened and on one line.
	Warning string
}

// warning returns the Warning unless it is about the server's verdict.
func (r *Result) warning() string {
	if r.Warning == resultOf(r.Status).Warning {
		return ""
	}
	return r.Warning
}

// resultOf returns the result for a stored credential.
func resultOf(st oauthstore.Status) Result {
	r := Result{Status: st}
	if unverified(&st.Verdict) {
		r.Warning = "Not verified: " + st.Verdict.Detail
	}
	return r
}

// unverified reports whether the MCP server was asked about the token and gave
// no verdict.
func unverified(v *oauthstore.Verdict) bool {
	return v.Outcome == oauthstore.OutcomeUnknown && v.Detail != ""
}

// Finish completes a consent: it checks the callback (RFC 9207), exchanges the code
// (RFC 6749 section 4.1.3, RFC 7636), stores the credential, and verifies it with the MCP server. owner is the user who is
// signed in now, binding the secret of the browser, callback the query of the
// redirect URL.
//
// The errors KindStateUnknown, KindExpired, KindWrongBrowser and KindWrongOwner
// leave the consent pending. With KindStateUsed the Result describes the outcome
// of the first callback, if known; its Status is zero if that failed. Finish
// continues when ctx is canceled, since a code can be used only once.
func (c *Connector) Finish(ctx context.Context, owner oauthstore.Owner, binding oauthstore.Secret, callback string) (Result, error) {
	ctx = context.WithoutCancel(ctx)
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	back, err := oauth.ParseCallback(callback)
	if err != nil {
		return Result{}, fail("finish", oauthstore.Key{Owner: owner}, &Error{Kind: KindStateUnknown, Err: err})
	}
	if w := back.Unbound(); w != nil {
		e := answerFault(w)
		e.Kind = KindStateUnknown
		e.Detail = orElse(e.Detail, "the authorization server returned an error") + ", in a callback without state, which may be from any page"
		return Result{}, fail("finish", oauthstore.Key{Owner: owner}, e)
	}
	f, version, err := c.take(ctx, owner, binding, back.State)
	if err != nil {
		r := Result{}
		if f != nil {
			r = c.again(ctx, f)
		}
		return r, fail("finish", oauthstore.Key{Owner: owner}, err)
	}
	r, err := c.finish(ctx, f, version, back)
	if err != nil {
		return Result{ReturnTo: f.ReturnTo}, fail("finish", f.Key, err)
	}
	return r, nil
}

// finishTimeout is for the exchange, the store and the probe together.
const finishTimeout = time.Minute

// again returns the outcome of a flow that was taken before.
func (c *Connector) again(ctx context.Context, f *flow) Result {
	r := Result{ReturnTo: f.ReturnTo}
	if f.Ended == kindConnected {
		if st, err := c.store.Status(ctx, f.Key); err == nil {
			r.Status, r.Warning = st, resultOf(st).Warning
		}
	}
	return r
}

// finish completes a taken flow and records its outcome.
func (c *Connector) finish(ctx context.Context, f *flow, version uint64, back *oauth.Callback) (Result, error) {
	id := flowID(back.State)
	end := func(k Kind) error {
		return c.end(ctx, id, version, &flow{Key: f.Key, Binding: f.Binding, ReturnTo: f.ReturnTo, Taken: time.Now(), Ended: k})
	}
	g, err := c.exchange(ctx, f, back)
	if err == nil {
		var r Result
		if r, err = c.commit(ctx, g); err == nil {
			if err := end(kindConnected); err != nil {
				return Result{}, err
			}
			c.log(ctx, "connected", f.Key, slog.String("issuer", f.Plan.Server.Issuer), slog.String("client", string(f.Client.Kind)))
			r.ReturnTo = f.ReturnTo
			return r, nil
		}
	}
	e, ok := errors.AsType[*oauth.Error](err)
	switch {
	case ok && e.Class == oauth.ClassNotConsumed:
		// The server did not receive the code: the page may be loaded again.
		_, _ = c.save(ctx, id, f, f.Ends.Add(keepTaken), version)
		return Result{}, err
	case ok && e.Class == oauth.ClassClient && f.Client.Kind == oauthstore.ClientRegistered && !f.Replaced:
		next, replaceErr := c.replace(ctx, f)
		if next != nil {
			_ = end(KindClientReplaced)
			return Result{}, &Error{Kind: KindClientReplaced, Next: next, Err: err}
		}
		err = errors.Join(err, replaceErr)
	}
	failed := fail("finish", f.Key, err)
	_ = end(KindOf(failed))
	return Result{}, failed
}

// end records the outcome of a taken flow. If the flow was deleted meanwhile, its
// owner was: then end removes the credential that the flow may have stored, and
// returns an error. Any other failure leaves the flow taken, which is safe.
func (c *Connector) end(ctx context.Context, id backend.ID, version uint64, mark *flow) error {
	for {
		_, err := c.save(ctx, id, mark, time.Now().Add(keepTaken), version)
		if !errors.Is(err, backend.ErrConflict) {
			return nil
		}
		// Conflicts come from a rewrap too.
		if _, version, err = c.handle.Records().Load(ctx, id); errors.Is(err, oauthstore.ErrNotFound) {
			break
		}
		if err != nil {
			return nil //nolint:nilerr // as above
		}
	}
	gone := fault(KindStateUnknown, "the owner was deleted during the consent")
	if mark.Ended != kindConnected {
		return gone
	}
	_, err := c.store.Disconnect(ctx, mark.Key)
	return errors.Join(gone, err)
}

// exchange checks the callback and redeems its code.
func (c *Connector) exchange(ctx context.Context, f *flow, back *oauth.Callback) (*grant, error) {
	server := &f.Plan.Server
	code, err := back.Code(oauth.Expected{State: back.State, Issuer: server.Issuer, IssParameter: server.IssParameter})
	if err != nil {
		return nil, callbackFault(err)
	}
	client, err := c.authenticate(f)
	if err != nil {
		return nil, err
	}
	token, err := oauth.ExchangeCode(ctx, c.http, oauth.CodeRequest{
		TokenEndpoint: server.TokenEndpoint, Client: client, Code: code, RedirectURI: f.Redirect,
		Verifier: oauthstore.NewSecret(f.Verifier), Resource: f.Plan.resource(), Shape: shapeOf(&f.Profile),
	})
	if err != nil {
		return nil, codeFault(err)
	}
	return &grant{
		key: f.Key, connector: f.Connector, way: f.Way, obtained: oauthstore.ObtainedConsent, profile: f.Profile, plan: f.Plan,
		kind: f.Client.Kind, client: client, token: token,
	}, nil
}

// callbackFault returns the error for a callback without a code. The issuer has
// been checked before, so the server's own error code counts.
func callbackFault(err error) error {
	w, ok := errors.AsType[*oauth.Error](err)
	switch {
	case !ok:
		return err
	case errors.Is(err, oauth.ErrIssuerMismatch):
		e := &Error{Kind: KindUntrusted, Detail: fmt.Sprintf("the callback names the issuer %s, and the consent started at %s", w.Got, w.Want), Err: err}
		if errors.Is(err, oauth.ErrIssuerMissing) {
			e.Detail = "the callback has no iss parameter, although the authorization server's metadata announces it: its operator can fix that"
		}
		return e
	case errors.Is(err, oauth.ErrState):
		return err
	}
	return answerFault(w)
}

// answerFault returns the error for an authorization response that reports an
// error (RFC 6749 section 4.1.2.1).
func answerFault(w *oauth.Error) *Error {
	e := &Error{Kind: KindRefused, Said: w.Description, Remedy: remedyOf(w), Err: w}
	if w.Code != "" {
		e.Detail = "the authorization server returned the error " + w.Code
	}
	switch {
	case w.Code == "access_denied":
		e.Kind = KindDenied
	case w.Code == "temporarily_unavailable", w.Code == "server_error":
		e.Kind = KindUnavailable
	case w.Class == oauth.ClassClient, w.Class == oauth.ClassConfig:
		e.Kind = KindMisconfigured
	}
	return e
}

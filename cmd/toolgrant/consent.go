package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os/exec"
	"runtime"
	"sync/atomic"

	issuers "github.com/toolgrant/toolgrant/internal/issuer"
	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
)

// An authorizeEvent is the URL at which the user consents.
type authorizeEvent struct {
	Event string `json:"event"`
	URL   string `json:"url"`
}

// A deviceEvent is a page for any device, and the code to enter there.
type deviceEvent struct {
	Event       string  `json:"event"`
	URL         string  `json:"url"`
	UserCode    string  `json:"user_code"`
	CompleteURL *string `json:"complete_url"`
}

// consent sends the user to the authorization server and waits for the callback,
// or for the user to consent on another device.
func (a *app) consent(ctx context.Context, c *connect.Connector, t target, ask *connect.Ask, f connectFlags, issuer string) (connect.Result, error) {
	waiting, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	ask.Ignored = a.ignoredCallback()
	l, err := c.Listen(ctx, t.provider, t.key.Owner, ask)
	if err != nil {
		return connect.Result{}, err
	}
	defer func() { _ = l.Close() }()
	if err := sameConsentIssuer(t, f, issuer, l.Issuer); err != nil {
		return connect.Result{}, err
	}
	if l.Notice != "" {
		a.notef("%s", l.Notice)
	}
	a.print(authorizeEvent{"authorize", l.URL}, func(w io.Writer) {
		_, _ = io.WriteString(w, "Open this URL to consent:\n\n  "+safetext.Line(l.URL)+"\n\n")
	})
	remote := a.remoteSession()
	switch {
	case f.noBrowser:
	case remote:
		a.notef("This is an SSH session without a display: open the URL in a browser on your own machine.")
	default:
		a.openBrowser(ctx, l.URL)
	}
	if f.device || remote {
		d, err := a.startDevice(ctx, c, t, ask, f, issuer)
		if err != nil {
			return connect.Result{}, err
		}
		if d != nil {
			go a.paste(waiting, l)
			return a.eitherConsent(waiting, l, d)
		}
	}
	switch {
	case !l.Listening:
		a.notef("Waiting for you: paste the URL that the browser shows at the end, and press Enter.")
	case remote:
		a.notef("Waiting for you. At the end the browser can't reach this machine: copy the URL that it shows then, paste it here and press Enter.")
	default:
		a.notef("Waiting for the browser. If it can't reach this machine at the end, paste the URL that it shows and press Enter.")
	}
	go a.paste(waiting, l)
	return l.Wait(waiting)
}

// sameConsentIssuer returns an error if a consent is at another authorization
// server than the one that was printed.
func sameConsentIssuer(t target, f connectFlags, printed, issuer string) error {
	if issuers.Same(issuer, printed) || f.issuer != "" {
		return nil
	}
	return faultf(kindUntrustedMetadata, "%s changed its authorization server during the consent, from %s to %s", t.key.Provider, printed, issuer)
}

// startDevice starts a consent on another device and prints its code. It returns
// nil if the authorization server does not support that, unless --device
// requires it.
func (a *app) startDevice(ctx context.Context, c *connect.Connector, t target, ask *connect.Ask, f connectFlags, issuer string) (*connect.Device, error) {
	own := *ask
	own.RedirectURL = ""
	d, err := c.Device(ctx, t.provider, t.key.Owner, &own)
	switch {
	case err != nil && (f.device || ctx.Err() != nil):
		return nil, err
	case err != nil:
		return nil, nil //nolint:nilnil,nilerr // the browser is the other way
	}
	if err := sameConsentIssuer(t, f, issuer, d.Issuer); err != nil {
		return nil, err
	}
	a.print(deviceEvent{"device", d.URL, d.UserCode, orNull(d.CompleteURL)}, func(w io.Writer) {
		_, _ = io.WriteString(w, "Or open this page on any device and enter the code "+a.ui.head.Render(safetext.Line(d.UserCode))+":\n\n  "+safetext.Line(d.URL)+"\n\n")
	})
	a.notef("Waiting for you.")
	return d, nil
}

// eitherConsent waits for the first of two consents that succeeds or is denied.
func (a *app) eitherConsent(ctx context.Context, l *connect.Listener, d *connect.Device) (connect.Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	type outcome struct {
		result connect.Result
		err    error
	}
	ended := make(chan outcome, 1)
	go func() {
		r, err := d.Wait(ctx)
		ended <- outcome{r, err}
	}()
	browser := make(chan outcome, 1)
	go func() {
		r, err := l.Wait(ctx)
		browser <- outcome{r, err}
	}()
	var got, other outcome
	select {
	case got = <-ended:
		if got.err != nil && connect.KindOf(got.err) != connect.KindDenied {
			got = <-browser // the code has expired
			cancel()
			return got.result, got.err
		}
		cancel()
		<-browser
	case got = <-browser:
		cancel()
		// The user may have consented on both; the device's answer came too late.
		if other = <-ended; got.err != nil && other.err == nil {
			got = other
		}
	}
	return got.result, got.err
}

// paste reads callback URLs from stdin until one of them completes the consent.
// Reading a terminal can't be interrupted: it goes on after ctx is canceled.
func (a *app) paste(ctx context.Context, l *connect.Listener) {
	lines := bufio.NewScanner(a.stdin)
	lines.Buffer(nil, maxInput)
	for lines.Scan() && ctx.Err() == nil {
		if lines.Text() == "" {
			continue
		}
		_, err := l.Paste(ctx, lines.Text())
		var e *connect.Error
		switch {
		case errors.As(err, &e) && e.Next != nil:
			a.notef("The client had to be registered again. Open this URL to consent:\n\n  %s\n", e.Next.URL)
		case e != nil && e.Kind == connect.KindStateUnknown && e.Said == "":
			a.notef("That is not the URL at the end of this consent, which has a code and a state.")
		case err != nil:
			a.notef("%s", faultOf(err).Message)
		default:
			return
		}
	}
}

// ignoredCallback returns a function that prints a callback which did not end
// the wait, such as an error without state. Any page can send the browser here,
// so it prints few of them.
func (a *app) ignoredCallback() func(*connect.Error) {
	var printed atomic.Int32
	return func(e *connect.Error) {
		if e.Kind == connect.KindStateUnknown && printed.Add(1) <= maxIgnored {
			a.notef("%s. Still waiting.", connectFault(e).Message)
		}
	}
}

// maxIgnored is how many ignored callbacks are printed.
const maxIgnored = 5

// remoteSession reports whether the command runs over SSH, without a display for
// a browser.
func (a *app) remoteSession() bool {
	return first(a.env["SSH_CONNECTION"], a.env["SSH_TTY"]) != "" && first(a.env["DISPLAY"], a.env["WAYLAND_DISPLAY"]) == ""
}

// openBrowser opens a URL in the user's browser, without a shell, and reports
// when that fails.
func (a *app) openBrowser(ctx context.Context, url string) {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	const failed = "No browser could be opened: open the URL yourself."
	cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...)
	if cmd.Start() != nil {
		a.notef(failed)
		return
	}
	go func() {
		if cmd.Wait() != nil && ctx.Err() == nil {
			a.notef(failed)
		}
	}()
}

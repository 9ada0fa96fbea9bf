package safehttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
)

// errBroken replaces the errors of net/http for unparseable responses, which
// quote the response.
var errBroken = errors.New("the server's response is not HTTP")

// A cause is an error with the text of one error and the chain of another.
type cause struct{ text, chain error }

func (c cause) Error() string { return c.text.Error() }
func (c cause) Unwrap() error { return c.chain }

// Cause returns the cause of a failed request, safe to print or log. It removes
// the URL, whose query may contain secrets, and text of the server: net/http
// quotes lines that it can't parse, and crypto/x509 the names of a certificate.
// [errors.Is] and [errors.As] find the same errors as in err.
func Cause(err error) error {
	for wrapped, ok := errors.AsType[*url.Error](err); ok; wrapped, ok = errors.AsType[*url.Error](err) {
		err = wrapped.Err
	}
	if err == nil || isLocal(err) {
		return err
	}
	return cause{text: certificate(err), chain: err}
}

// isLocal reports whether the text of an error comes from this machine.
func isLocal(err error) bool {
	for _, known := range []error{
		ErrBlocked, ErrRedirect, ErrTooLarge, context.Canceled, context.DeadlineExceeded, os.ErrDeadlineExceeded, io.EOF, io.ErrUnexpectedEOF,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		_, remote := errors.AsType[tls.AlertError](err)
		return !remote
	}
	_, dns := errors.AsType[*net.DNSError](err)
	_, system := errors.AsType[syscall.Errno](err)
	timeout, ok := errors.AsType[net.Error](err)
	return dns || system || ok && timeout.Timeout()
}

// certificate returns why TLS failed, or errBroken.
func certificate(err error) error {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return errors.New("the certificate is signed by an unknown authority")
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return errors.New("the certificate is for another host")
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return errors.New("the certificate has expired or is not yet valid")
		}
		return errors.New("the certificate is invalid")
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return errors.New("the certificate is invalid")
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return errors.New("the server does not speak TLS")
	}
	if e, ok := errors.AsType[tls.AlertError](err); ok {
		return e
	}
	return errBroken
}

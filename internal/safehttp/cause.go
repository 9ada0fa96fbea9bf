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

// errBroken is what a person reads of an answer that net/http can't parse: its
// own errors quote the answer.
var errBroken = errors.New("the server's answer is not HTTP")

// A cause is an error whose text is ours and whose chain is another's.
type cause struct{ text, chain error }

func (c cause) Error() string { return c.text.Error() }
func (c cause) Unwrap() error { return c.chain }

// Cause returns the reason for which a request failed, for an error that is
// printed or logged. The URL is taken off, since its query may hold anything,
// and so is text of the server: net/http quotes lines that it can't parse, and
// crypto/x509 the names in a certificate. [errors.Is] and [errors.As] find the
// same as in err.
func Cause(err error) error {
	for wrapped, ok := errors.AsType[*url.Error](err); ok; wrapped, ok = errors.AsType[*url.Error](err) {
		err = wrapped.Err
	}
	if err == nil || isOurs(err) {
		return err
	}
	return cause{text: certificate(err), chain: err}
}

// isOurs reports whether the text of an error comes from this machine.
func isOurs(err error) bool {
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

// certificate says why TLS failed, or that HTTP did.
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

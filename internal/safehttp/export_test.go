package safehttp

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
)

// OnlyPublic is the judgement of an address, without a connection.
func OnlyPublic(address string) error { return onlyPublic()("tcp4", address, nil) }

// OnlyLoopback is the judgement of what a loopback name leads to.
func OnlyLoopback(address string) error { return onlyLoopback("tcp4", address, nil) }

// Trust makes hc trust the certificates of a test server.
func Trust(hc *http.Client, roots *x509.CertPool) {
	hc.Transport.(*guard).own.TLSClientConfig = &tls.Config{RootCAs: roots}
}

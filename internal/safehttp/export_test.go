package safehttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
)

// OnlyPublic checks an address without connecting.
func OnlyPublic(address string) error { return onlyPublic()("tcp4", address, nil) }

// OnlyLoopback checks the address of a loopback name.
func OnlyLoopback(address string) error { return onlyLoopback("tcp4", address, nil) }

// Trust makes hc trust the certificates of a test server.
func Trust(hc *http.Client, roots *x509.CertPool) {
	hc.Transport.(*guard).own.TLSClientConfig = &tls.Config{RootCAs: roots}
}

// Mute connects hc to a server that reads and never answers.
func Mute(hc *http.Client) {
	hc.Transport.(*guard).own.DialContext = func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			_, _ = io.Copy(io.Discard, server)
			_ = server.Close()
		}()
		return client, nil
	}
}

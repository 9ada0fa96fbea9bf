// Package faultproxy is a TCP proxy for tests between a client and a server on
// loopback. It cuts their connection at an exact point: before a request
// reaches the server, or after the server processed it and before the client
// receives the response.
//
//	p, err := faultproxy.Start("127.0.0.1:5432")
//	…
//	defer p.Close()
//	p.Lose([]byte("UPDATE"), 2) // the second UPDATE succeeds, and its response is lost
package faultproxy

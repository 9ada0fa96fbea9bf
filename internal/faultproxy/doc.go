// Package faultproxy stands between a program and a server on loopback and
// breaks their connection at an exact place: before a request gets through, or
// after the server has done it and before its answer is heard. It belongs into
// tests.
//
//	p, err := faultproxy.Start("127.0.0.1:5432")
//	…
//	defer p.Close()
//	p.Lose([]byte("UPDATE"), 2) // the second UPDATE is done, and nobody hears of it
package faultproxy

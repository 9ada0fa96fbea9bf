package safehttp_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/safehttp"
)

// answerDNS answers each query on a stream (RFC 1035 section 4.2.2) with one
// address for A, and with none for other types.
func answerDNS(conn net.Conn, address [4]byte) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		end := 12
		for query[end] != 0 { // labels of the name
			end += 1 + int(query[end])
		}
		end += 5 // the last label, type and class
		isA := binary.BigEndian.Uint16(query[end-4:]) == 1
		answer := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[12:end]...)
		if isA {
			answer[7] = 1
			answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
			answer = append(answer, address[:]...)
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

// A name below localhost is resolved like any other, so that an answer can lead
// away from this machine. Nothing is sent there in clear text.
func TestResolvedLoopbackNameOfAnotherAddressIsBlocked(t *testing.T) { //nolint:paralleltest // changes the resolver of the process
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go answerDNS(server, [4]byte{192, 0, 2, 1})
		return client, nil
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // else the dial of an address that does not exist takes long
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://name.localhost:9/", nil)
	require.NoError(t, err)
	resp, err := safehttp.New(&safehttp.Options{AllowLoopback: true}).Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	require.ErrorIs(t, err, safehttp.ErrBlocked)
}

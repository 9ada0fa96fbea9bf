package relay_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

func TestOnlyHeadersOfMCPReachTheServer(t *testing.T) {
	t.Parallel()
	s := one(t, nil)
	seen := make(chan *http.Request, 1)
	ticket := upstream(t, s, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		seen <- r
		answering(200, rpcResult, "Content-Type", "application/json")(w, r)
	})
	req := request(t, ticket, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":"b"}}}`)
	req.URL.RawQuery = "team=red"
	for name, value := range map[string]string{
		"MCP-Protocol-Version": "2025-11-25", "Mcp-Method": "tools/call", "Mcp-Name": "x", "Mcp-Param-A": "b", "Last-Event-ID": "7",
		"Cookie": "session=1", "X-Api-Key": "k", "Accept-Encoding": "gzip", "X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4",
		"X-Forwarded-Host": "evil", "Proxy-Authorization": "Basic x", "Te": "trailers", "Upgrade": "websocket", "Connection": "Upgrade, Accept", "User-Agent": "openai-mcp/1",
		"Expect": "", "X-Team": "red", "Traceparent": "00-1-1-01",
	} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	r := do(t, req)
	require.Equal(t, http.StatusOK, r.status, r.body)
	got := <-seen
	assert.Equal(t, http.Header{
		"Accept": {"application/json, text/event-stream"}, "Content-Type": {"application/json"}, "Content-Length": got.Header["Content-Length"],
		"Mcp-Protocol-Version": {"2025-11-25"}, "Mcp-Method": {"tools/call"}, "Mcp-Name": {"x"}, "Mcp-Param-A": {"b"}, "Last-Event-Id": {"7"},
		"Authorization": {"Bearer " + ownToken}, "User-Agent": {"toolgrant-relay"},
	}, got.Header)
	assert.Empty(t, got.URL.RawQuery, "the caller's query is not passed on")
	assert.Equal(t, "/mcp", got.URL.Path)
}

// withEarly records the headers of interim responses to req.
func withEarly(req *http.Request, early *[]string) *http.Request {
	return req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			*early = append(*early, fmt.Sprint(code, h))
			return nil
		},
	}))
}

func TestHeadersOfTheTicketReachTheServer(t *testing.T) {
	t.Parallel()
	s := one(t, nil)
	seen := make(chan http.Header, 1)
	upstream(t, s, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header
		answering(200, rpcResult, "Content-Type", "application/json")(w, r)
	})
	all, err := s.store.List(t.Context(), ada)
	require.NoError(t, err)
	ticket := s.ticket(t, all[0].Key, func(g *mcptools.RelayGrant) { g.Headers = map[string]string{"x-team": "blue"} })
	req := request(t, ticket, listCall)
	req.Header.Set("X-Team", "red")
	require.Equal(t, http.StatusOK, do(t, req).status)
	assert.Equal(t, []string{"blue"}, (<-seen)["X-Team"])
}

func TestOnlyHeadersOfMCPReachTheClient(t *testing.T) {
	t.Parallel()
	s := one(t, nil)
	ticket := upstream(t, s, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Link", "</evil>")
		w.Header().Set("Set-Cookie", "early=1")
		w.WriteHeader(http.StatusEarlyHints)
		h := w.Header()
		h.Set("Content-Type", "application/json; profile=evil")
		h.Set("Set-Cookie", "a=b")
		h.Set("Server", "evil")
		h.Set("Www-Authenticate", "Bearer")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Location", "/x")
		h.Set("Strict-Transport-Security", "max-age=1")
		h.Set("Alt-Svc", "h3=evil")
		h.Set("Trailer", "Set-Cookie")
		_, _ = io.WriteString(w, rpcResult)
		h.Set(http.TrailerPrefix+"X-Late", "evil")
	})
	streaming := upstream(t, s, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Set-Cookie")
		answering(200, "data: "+rpcResult+"\n\n", "Content-Type", "text/event-stream", "Set-Cookie", "a=b")(w, r)
		w.Header().Set("Set-Cookie", "late=1")
		w.Header().Set(http.TrailerPrefix+"X-Late", "evil")
	})
	resp, err := http.DefaultTransport.RoundTrip(request(t, streaming, listCall))
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, "data: "+rpcResult+"\n\n", string(text))
	assert.Empty(t, resp.Trailer)
	assert.Empty(t, resp.Header["Set-Cookie"])

	req := request(t, ticket, listCall)
	var early []string
	req = withEarly(req, &early)
	r := do(t, req)
	assert.Equal(t, http.StatusOK, r.status)
	assert.Equal(t, rpcResult, r.body)
	assert.Empty(t, early, "an interim response was passed on")
	r.header.Del("Date")
	assert.Equal(t, http.Header{
		"Content-Type": {"application/json"}, "Content-Length": {strconv.Itoa(len(rpcResult))}, "Cache-Control": {"no-store"}, "X-Content-Type-Options": {"nosniff"},
	}, r.header)
}

const lastRequest = "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

// raw sends bytes to the relay and returns the statuses of the responses until it
// closes the connection.
func raw(t *testing.T, s *site, text string) []int {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.server.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close()) }()
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	if !strings.HasSuffix(text, lastRequest) {
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	}
	var statuses []int
	for r := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return statuses
		}
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, resp.Body.Close())
		statuses = append(statuses, resp.StatusCode)
		if err != nil {
			return statuses
		}
	}
}

func TestRequestsCantBeSmuggled(t *testing.T) {
	t.Parallel()
	s := one(t, nil)
	ticket := upstream(t, s, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != listCall || r.ContentLength != int64(len(listCall)) || len(r.TransferEncoding) > 0 || r.Header.Get("X-Evil") != "" {
			t.Errorf("the server got %q, %v", body, r.Header)
		}
		answering(200, rpcResult, "Content-Type", "application/json")(w, r)
	})
	u, err := url.Parse(ticket.URL)
	require.NoError(t, err)
	head := "POST " + u.Path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer " + ticket.Ticket.Expose() + "\r\n"
	hidden := "GET /evil HTTP/1.1\r\nHost: x\r\n\r\n"
	length := fmt.Sprint("Content-Length: ", len(listCall), "\r\n")
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(listCall), listCall)
	for name, tc := range map[string]struct {
		text string
		want []int
	}{
		"plain":                      {head + length + "\r\n" + listCall, []int{200}},
		"chunked":                    {head + "Transfer-Encoding: chunked\r\n\r\n" + chunked, []int{200}},
		"both lengths":               {head + length + "Transfer-Encoding: chunked\r\n\r\n" + chunked + hidden, []int{200, 404}},
		"two lengths":                {head + length + "Content-Length: 0\r\n\r\n" + listCall, []int{400}},
		"obscure encoding":           {head + "Transfer-Encoding: xchunked\r\n\r\n" + chunked, []int{501}},
		"two encodings":              {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked, []int{501}},
		"a longer body than said":    {head + length + "\r\n" + listCall + hidden, []int{200, 404}},
		"a header in a header":       {head + length + "Mcp-Name: a\rX-Evil: 1\r\n\r\n" + listCall, []int{400}},
		"a null in a header":         {head + length + "Mcp-Name: a\x00b\r\n\r\n" + listCall, []int{400}},
		"a folded header":            {head + length + "Mcp-Param-X: a\r\n X-Evil: 1\r\n\r\n" + listCall, []int{400}},
		"a space before the colon":   {head + length + "X-Evil : 1\r\n\r\n" + listCall, []int{400}},
		"an absolute URL":            {strings.Replace(head, "POST ", "POST http://evil.example", 1) + length + "\r\n" + listCall, []int{200}},
		"dots":                       {strings.Replace(head, u.Path, "/mcp/own/../own/"+u.Path[len("/mcp/own/"):], 1) + length + "\r\n" + listCall, []int{307}},
		"two slashes":                {strings.Replace(head, u.Path, "/"+u.Path, 1) + length + "\r\n" + listCall, []int{307}},
		"backslash":                  {strings.Replace(head, u.Path, strings.ReplaceAll(u.Path, "/own/", "\\own\\"), 1) + length + "\r\n" + listCall, []int{404}},
		"encoded dots":               {strings.Replace(head, u.Path, u.Path+"/%2e%2e", 1) + length + "\r\n" + listCall, []int{404}},
		"a fragment":                 {strings.Replace(head, u.Path, u.Path+"%23", 1) + length + "\r\n" + listCall, []int{404}},
		"CONNECT":                    {strings.Replace(head, "POST", "CONNECT", 1) + "\r\n", []int{405}},
		"a body that is cut off":     {head + "Content-Length: 9999\r\n\r\n" + listCall, []int{499}},
		"a chunk that is cut off":    {head + "Transfer-Encoding: chunked\r\n\r\nffff\r\n" + listCall, []int{499}},
		"a GET with a hidden body":   {strings.Replace(head, "POST", "GET", 1) + fmt.Sprint("Content-Length: ", len(hidden), "\r\n\r\n") + hidden, []int{400}},
		"an upgrade":                 {head + length + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + listCall, []int{200}},
		"a request to continue":      {head + length + "Expect: 100-continue\r\n\r\n" + listCall, []int{100, 200}},
		"a trailer with credentials": {head + "Transfer-Encoding: chunked\r\nTrailer: X-Evil\r\n\r\n" + strings.TrimSuffix(chunked, "\r\n") + "X-Evil: 1\r\n\r\n", []int{200}},
	} {
		text := tc.text
		if !strings.Contains(name, "cut off") {
			text += lastRequest
		}
		got := raw(t, s, text)
		if len(got) > 1 && got[len(got)-1] == http.StatusNotFound {
			got = got[:len(got)-1] // the last request
		}
		assert.Equal(t, tc.want, got, name)
	}
}

func TestSessionIsTheServersAndBelongsToItsCredential(t *testing.T) {
	t.Parallel()
	db, keys := memstore.New(), newKeys(t)
	a, b := newSite(t, db, keys, nil), newSite(t, db, keys, nil)
	bob := oauthstore.Owner{Tenant: "acme", Subject: "bob"}
	const id = "the-servers-own-session"
	server := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if got := r.Header.Get("Mcp-Session-Id"); !strings.Contains(string(body), "initialize") && got != id {
			t.Errorf("the server got session %q", got)
		}
		w.Header().Set("Mcp-Session-Id", id)
		answering(200, rpcResult, "Content-Type", "application/json")(w, r)
	}
	ticket := upstream(t, a, server)
	all, err := a.store.List(t.Context(), ada)
	require.NoError(t, err)
	key := all[0].Key
	session := post(t, ticket, initCall).header.Get("Mcp-Session-Id")
	require.NotEmpty(t, session)
	assert.NotContains(t, session, id)

	with := func(ticket mcptools.RelayTicket, session string) reply {
		req := request(t, ticket, listCall)
		req.Header.Set("Mcp-Session-Id", session)
		return do(t, req)
	}
	r := with(ticket, session)
	assert.Equal(t, http.StatusOK, r.status)
	assert.Equal(t, session, r.header.Get("Mcp-Session-Id"), "clients require the same id each time")
	again := b.ticket(t, key)
	again.URL = strings.Replace(again.URL, a.server.URL, b.server.URL, 1)
	assert.Equal(t, http.StatusOK, with(again, session).status, "another replica, another ticket")
	req := request(t, ticket, "")
	req.Method, req.Body, req.ContentLength = http.MethodDelete, nil, 0
	req.Header.Set("Mcp-Session-Id", session)
	assert.Equal(t, http.StatusOK, do(t, req).status)

	foreign := a.ticket(t, a.at(t, key.Server, bob))
	for name, wrong := range map[string]string{"the server's own": id, "another owner's": session, "altered": session[:len(session)-2] + "AA", "a ticket": ticket.Ticket.Expose()} {
		use := ticket
		if name == "another owner's" {
			use = foreign
		}
		r := with(use, wrong)
		assert.Equal(t, http.StatusNotFound, r.status, name)
		assert.Equal(t, "not_found", r.kind(t), name)
	}
	reconnected := a.ticket(t, a.at(t, key.Server, ada))
	assert.Equal(t, http.StatusNotFound, with(reconnected, session).status, "a session ends with its grant")
}

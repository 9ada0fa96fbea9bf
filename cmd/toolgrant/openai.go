package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/mcptools"
)

// A responsesClient asks the Responses API that the environment names.
type responsesClient struct {
	responses.ResponseService
	hc *http.Client
}

// responses makes the client, of the same variables as OpenAI's own clients.
func (a *app) responses(plainHTTP bool) (*responsesClient, error) {
	key := a.env["OPENAI_API_KEY"]
	if key == "" {
		return nil, faultf(mcptools.KindMisconfigured, "OPENAI_API_KEY is not set")
	}
	opts := []option.RequestOption{option.WithEnvironmentProduction(), option.WithAPIKey(key)}
	if base := a.env["OPENAI_BASE_URL"]; base != "" {
		if err := checkBaseURL(base, plainHTTP); err != nil {
			return nil, err
		}
		opts = append(opts, option.WithBaseURL(base))
	}
	if id := a.env["OPENAI_ORG_ID"]; id != "" {
		opts = append(opts, option.WithOrganization(id))
	}
	if id := a.env["OPENAI_PROJECT_ID"]; id != "" {
		opts = append(opts, option.WithProject(id))
	}
	// The user names this address, no stranger does: it may be a gateway of an
	// intranet or lie behind a proxy. An answer may take minutes. That nothing
	// follows a redirect to another origin is openai-go's own doing.
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		transport = &http.Transport{}
	}
	hc := &http.Client{Transport: transport.Clone()}
	return &responsesClient{responses.NewResponseService(append(opts, option.WithHTTPClient(hc))...), hc}, nil
}

func (c *responsesClient) close() { c.hc.CloseIdleConnections() }

// checkBaseURL refuses to send the key and the tokens in clear text, except to
// this machine.
func checkBaseURL(base string, plainHTTP bool) error {
	plain := safehttp.PlainLoopback
	if plainHTTP {
		plain = safehttp.PlainAnywhere
	}
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return faultf(mcptools.KindMisconfigured, "OPENAI_BASE_URL is not the URL of an API")
	case u.User != nil:
		return faultf(mcptools.KindMisconfigured, "OPENAI_BASE_URL holds a user name or password")
	case safehttp.CheckURL(u, plain) != nil:
		return faultf(mcptools.KindMisconfigured, "OPENAI_BASE_URL is plain http and would carry the key and the tokens in clear text: use https, or add --insecure-plain-http")
	}
	return nil
}

// unansweredFault says why there is no answer of OpenAI's at all.
func unansweredFault(err error) *fault {
	sent, ok := errors.AsType[*url.Error](err)
	if !ok {
		return faultOf(err)
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return faultf(mcptools.KindUnavailable, "OpenAI can't be reached: %s", sent.Err)
	}
	f := faultf(mcptools.KindPlatform, "the connection to OpenAI broke off: %s. A tool may have run", sent.Err)
	f.Action = mcptools.ActionNone
	return f
}

// platformFault says what OpenAI's own refusal is, in its words.
func platformFault(f *mcptools.Failure) *fault {
	text := message(f)
	if f.Kind == mcptools.KindPlatform {
		text = "OpenAI's API failed"
		if e, ok := errors.AsType[*openai.Error](f); ok {
			text = fmt.Sprintf("OpenAI answered %d %s", e.StatusCode, http.StatusText(e.StatusCode))
		}
	}
	if said := saidIn(f.Upstream()); said != "" {
		text += ": " + cut(safetext.Line(said), maxSaid)
	}
	return &fault{Kind: f.Kind, Message: text, Action: f.Action}
}

// maxSaid bounds what is shown of a message of OpenAI's.
const maxSaid = 400

// saidIn returns the message in an error body or event of OpenAI's. A body that
// is something else is shown as it is.
func saidIn(body string) string {
	type failed struct {
		Message string          `json:"message"`
		Error   json.RawMessage `json:"error"`
	}
	var e struct {
		failed
		Response failed `json:"response"`
	}
	if json.Unmarshal([]byte(body), &e) != nil {
		return body
	}
	for _, raw := range []json.RawMessage{e.Error, e.Response.Error} {
		var text string
		var object failed
		if json.Unmarshal(raw, &text) == nil && text != "" {
			return text
		}
		if json.Unmarshal(raw, &object) == nil && object.Message != "" {
			return object.Message
		}
	}
	return first(e.Message, body)
}

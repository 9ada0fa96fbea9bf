package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/mcptools"
)

// A responsesClient is a client of the Responses API that the environment names.
type responsesClient struct {
	responses.ResponseService
	hc *http.Client
}

// responses returns a client. It reads the same variables as OpenAI's clients.
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
	// The user chose this address, so it may be on an intranet or behind a proxy.
	// A response may take minutes. openai-go itself refuses redirects to another
	// origin.
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		transport = &http.Transport{}
	}
	hc := &http.Client{Transport: transport.Clone()}
	return &responsesClient{responses.NewResponseService(append(opts, option.WithHTTPClient(hc))...), hc}, nil
}

func (c *responsesClient) close() { c.hc.CloseIdleConnections() }

// checkBaseURL returns an error for a URL that would send the key and the tokens
// in clear text to another machine.
func checkBaseURL(base string, plainHTTP bool) error {
	plain := safehttp.PlainLoopback
	if plainHTTP {
		plain = safehttp.PlainAnywhere
	}
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return faultf(mcptools.KindMisconfigured, "OPENAI_BASE_URL must be an http or https URL")
	case u.User != nil:
		return faultf(mcptools.KindMisconfigured, "OPENAI_BASE_URL must not contain a user name or password")
	case safehttp.CheckURL(u, plain) != nil:
		return faultf(mcptools.KindMisconfigured, "OPENAI_BASE_URL is plain http and would send the key and the tokens in clear text: use https, or add --insecure-plain-http")
	}
	return nil
}

// unansweredFault returns the fault for a request without a response from OpenAI.
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

// platformFault returns the fault for an error response from OpenAI, with its message.
func platformFault(f *mcptools.Failure) *fault {
	text := message(f)
	if f.Kind == mcptools.KindPlatform {
		text = "OpenAI's API failed"
		if e, ok := errors.AsType[*responses.Error](f); ok {
			text = fmt.Sprintf("OpenAI answered %d %s", e.StatusCode, http.StatusText(e.StatusCode))
		}
	}
	if said := saidIn(f.Upstream()); said != "" {
		text += ": " + cut(safetext.Line(said), maxSaid)
	}
	return &fault{Kind: f.Kind, Message: text, Action: f.Action}
}

// maxSaid is the maximum length of OpenAI's message in an error, in cells.
const maxSaid = 400

// saidIn returns the message in an error body or event from OpenAI; body itself
// if it has another format.
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

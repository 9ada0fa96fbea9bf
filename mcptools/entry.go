package mcptools

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/entryhandle"
	"github.com/toolgrant/toolgrant/internal/secret"
	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// An Entry is one element of a request's tools, with metadata. It belongs to the
// caller: changing it changes no other. Printing, logging or encoding an Entry
// shows the tool without its secrets, also inside other structs. The result of
// [Entry.Tool] is openai-go's type, which shows them.
type Entry struct {
	Label      string         // server_label
	Provider   string         // the provider's id
	Key        oauthstore.Key // of the credential; Key.Server is the vendor's server, also for a relayed entry
	ServerURL  string         // server_url; the relay's for a relayed entry, "" for tunnels and connectors
	TicketID   string         // of a relayed entry, which carries a ticket in place of the token; else ""
	Generation uint64         // of the token pair; 0 if the source has none, and for a relayed entry
	Grant      string         // of the token pair
	Expiry     time.Time      // of the token or ticket; zero: unknown or never
	Short      bool           // no token with the required lifetime is available
	Warnings   []string       // sentences for the developer

	// Package fmt follows pointers in unexported fields, but not functions.
	state func() *entryState
}

type entryState struct {
	tool    *responses.ToolMcpParam
	builder *Builder
	opts    BuildOptions
	token   oauthstore.Secret
	issued  oauthstore.Token // token with its provenance
}

// Entry is like [Builder.Build], with the same errors, but returns metadata with
// the tool.
func (b *Builder) Entry(ctx context.Context, owner oauthstore.Owner, opts *BuildOptions) (Entry, error) {
	var o BuildOptions
	if opts != nil {
		o = *opts
	}
	var m built
	if err := b.make(ctx, owner, &o, &m); err != nil {
		return Entry{}, err
	}
	e := Entry{
		Label: b.label, Provider: b.provider.ID, Key: m.key, Warnings: slices.Clone(b.warnings),
		ServerURL: m.tool.ServerURL.Value, TicketID: m.ticketID,
		Generation: m.token.Generation, Grant: m.token.Grant, Expiry: m.token.Expiry, Short: m.token.Short,
	}
	if m.warning != "" {
		e.Warnings = append(e.Warnings, m.warning)
	}
	state := &entryState{tool: m.tool, builder: b, opts: o, token: m.token.AccessToken, issued: m.token}
	e.state = func() *entryState { return state }
	return e, nil
}

// skeleton returns the entry without its credential.
func (b *Builder) skeleton(serverURL string) *responses.ToolMcpParam {
	m := &responses.ToolMcpParam{
		ServerLabel:    b.label,
		AllowedCallers: slices.Clone(b.callers),
	}
	if b.takes(platform.FieldApproval) && !b.approvalInLists() {
		m.RequireApproval = b.approval.union()
	}
	if extra := b.platformFields(); len(extra) > 0 {
		m.SetExtraFields(extra)
	}
	switch {
	case b.tunnel != "":
		m.TunnelID = param.NewOpt(b.tunnel)
	case b.connector != "":
		m.ConnectorID = b.connector //nolint:staticcheck // deprecated for new models, and the caller is warned
	default:
		m.ServerURL = param.NewOpt(serverURL)
	}
	if b.description != "" {
		m.ServerDescription = param.NewOpt(b.description)
	}
	if b.deferred {
		m.DeferLoading = param.NewOpt(true)
	}
	switch {
	case b.readOnly && b.takes(platform.FieldReadOnly):
		m.AllowedTools.OfMcpToolFilter = &responses.ToolMcpAllowedToolsMcpToolFilterParam{
			ReadOnly: param.NewOpt(true), ToolNames: slices.Clone(b.allowed),
		}
	case b.allowed != nil && b.takes(platform.FieldAllowedTools):
		m.AllowedTools.OfMcpAllowedTools = slices.Clone(b.allowed)
	}
	return m
}

// authorize adds the credential to the entry, in authorization or in headers,
// never in both.
func (b *Builder) authorize(m *responses.ToolMcpParam, way *providers.Way, t *oauthstore.Token) *Failure {
	// A URL that holds the credential would show it in the stored response.
	if inURL(m.ServerURL.Value, t.AccessToken) {
		return b.refusal(KindMisconfigured, "the server URL holds the credential, and OpenAI shows the URL in the stored response", nil)
	}
	for _, name := range secretsOf(way) {
		if inURL(m.ServerURL.Value, t.Secrets[name]) {
			return b.refusal(KindMisconfigured, "the server URL holds the credential's "+name+", and OpenAI shows the URL in the stored response", nil)
		}
	}
	if way.Bearer() && b.noBearer {
		return b.checkBearer()
	}
	if way.Bearer() && !b.bearerInHeaders {
		m.Authorization = param.NewOpt(t.AccessToken.Expose())
		return nil
	}
	if b.connector != "" {
		return b.refusal(KindWrongTokenKind, "a connector takes bearer tokens only", nil)
	}
	headers, unfit := carried(*way, *t)
	if unfit != "" {
		return b.refusal(KindWrongTokenKind, unfit, nil)
	}
	if f := b.checkCarried(headers); f != nil {
		return f
	}
	if m.Headers == nil {
		m.Headers = headers
		return nil
	}
	maps.Copy(m.Headers, headers)
	return nil
}

// inURL reports whether the URL contains the secret, as it is or escaped. Secrets
// of less than eight bytes may match by chance and are ignored.
func inURL(rawURL string, s oauthstore.Secret) bool {
	text := s.Expose()
	if len(text) > len(rawURL) {
		return false
	}
	return len(text) >= 8 && (strings.Contains(rawURL, text) || strings.Contains(rawURL, url.QueryEscape(text)))
}

// Tool returns the tools entry for the request. It is not a copy: changes to it
// change e, and no other entry.
func (e Entry) Tool() responses.ToolUnionParam {
	if e.state == nil {
		return responses.ToolUnionParam{}
	}
	return responses.ToolUnionParam{OfMcp: e.state().tool}
}

// Reject reports to the credential store that the MCP server refused this entry's
// token: to OpenAI if seen is zero, else to the caller, which presented it to the
// server itself; see [oauthstore.Credentials]. The next build refreshes it, or
// refuses with [KindReauthorize]. Reject does nothing for an entry without a token,
// nor for a relayed one: the relay itself reports tokens that the server refuses.
func (e Entry) Reject(ctx context.Context, seen oauthstore.Verdict) error {
	if e.state == nil || e.state().token.IsZero() || e.TicketID != "" {
		return nil
	}
	s := e.state()
	s.builder.accepted.forget(e.Key.Server, s.token)
	return s.builder.creds.Reject(ctx, e.Key, e.Generation, seen)
}

// Renew builds the entry again with the same options, for the next request. A
// relayed entry gets a new ticket. The error is a [*Failure].
func (e Entry) Renew(ctx context.Context) (Entry, error) {
	if e.state == nil {
		return Entry{}, newRefusal(KindMisconfigured, "", "", "the entry is empty", nil)
	}
	s := e.state()
	return s.builder.Entry(ctx, e.Key.Owner, &s.opts)
}

func init() { //nolint:gochecknoinits // entryhandle can't import this package
	entryhandle.Of = func(entry any) entryhandle.Facts { return asEntry(entry).facts() }
	entryhandle.Route = func(entries any, req *http.Request) error {
		if f := route(asEntries(entries), req); f != nil {
			return f
		}
		return nil
	}
	entryhandle.Platform = func(set any) platform.Platform { return asSet(set).platform() }
	entryhandle.SameCredential = func(a, b any) bool { return asEntry(a).sameCredential(asEntry(b)) }
	entryhandle.RefusedAgain = func(f, e any) any { return refusedAgain(asPointer(f), asEntry(e)) }
	entryhandle.MayHaveRun = func(f any) bool { return asPointer(f).mayRun }
	entryhandle.Describe = func(f any, sentence string, cause error) {
		failure := asPointer(f)
		failure.sentence, failure.err = sentence, cause
	}
}

func asPointer(v any) *Failure {
	f, ok := v.(*Failure)
	if !ok {
		panic("entryhandle: not a *mcptools.Failure")
	}
	return f
}

func asEntries(v any) []Entry {
	all, ok := v.([]Entry)
	if !ok {
		panic("entryhandle: not a []mcptools.Entry")
	}
	return all
}

func asSet(v any) *Set {
	s, ok := v.(*Set)
	if !ok {
		panic("entryhandle: not an *mcptools.Set")
	}
	return s
}

func asEntry(v any) Entry {
	e, ok := v.(Entry)
	if !ok {
		panic("entryhandle: not an mcptools.Entry")
	}
	return e
}

func (e Entry) facts() entryhandle.Facts {
	if e.state == nil {
		return entryhandle.Facts{}
	}
	s := e.state()
	headers, _ := s.builder.entryHeaders(s.opts.Headers) // they were valid when the entry was built
	f := entryhandle.Facts{Provider: s.builder.provider, Token: s.issued, Headers: headers}
	if e.TicketID != "" { // its token is a ticket, which only the relay may get
		f.Token = oauthstore.Token{}
		f.Store, _ = s.builder.creds.(*oauthstore.Store)
	}
	return f
}

// consentURL returns the page at which the owner connects the provider; "" if
// there is none.
func (e Entry) consentURL() string {
	if e.state == nil {
		return ""
	}
	return e.state().opts.consentURL(e.Key)
}

// sameCredential reports whether both entries send the same token and headers.
func (e Entry) sameCredential(other Entry) bool {
	a, b := e.Tool().OfMcp, other.Tool().OfMcp
	return a != nil && b != nil && a.Authorization == b.Authorization && maps.Equal(a.Headers, b.Headers)
}

// MarshalJSON returns the tool as it is sent, but with "[redacted]" in place of
// the token and of every header that the provider's data does not list. It fails only
// if the tool was changed to one that can't be encoded.
func (e Entry) MarshalJSON() ([]byte, error) {
	if e.state == nil {
		return []byte("null"), nil
	}
	m := *e.state().tool
	if m.Authorization.Valid() {
		m.Authorization = param.NewOpt(secret.Placeholder)
	}
	m.Headers = maps.Clone(m.Headers)
	for name := range m.Headers {
		if !e.harmless(name) {
			m.Headers[name] = secret.Placeholder
		}
	}
	return json.Marshal(m)
}

// harmless reports whether the provider's data lists the header, which then holds
// no credential.
func (e Entry) harmless(header string) bool {
	for _, h := range e.state().builder.provider.Headers {
		if strings.EqualFold(h.Name, header) {
			return true
		}
	}
	return false
}

// Format implements [fmt.Formatter]: every verb prints the text of MarshalJSON.
func (e Entry) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, e.text()) }

// LogValue implements [slog.LogValuer] with the text of MarshalJSON.
func (e Entry) LogValue() slog.Value { return slog.StringValue(e.text()) }

func (e Entry) text() string {
	data, err := e.MarshalJSON()
	if err != nil {
		return "mcptools.Entry(" + e.Label + ")"
	}
	return string(data)
}

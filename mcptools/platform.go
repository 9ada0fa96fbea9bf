package mcptools

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/providers"
)

// platformOf returns the platform of the options, and whether they name one.
func platformOf(o *Options) (p platform.Platform, named bool) {
	p = o.Platform
	if p.ID == "" {
		return platform.OpenAI(), false
	}
	p.Fields = maps.Clone(p.Fields)
	p.RequestHeaders = maps.Clone(p.RequestHeaders)
	p.EntryFields = maps.Clone(p.EntryFields)
	p.Hosts, p.Transports = slices.Clone(p.Hosts), slices.Clone(p.Transports)
	return p, true
}

// An unfit collects the fields that the platform can't apply.
type unfit struct {
	p    platform.Platform
	says []string
}

// needs requires that the platform applies a field. instead is what the caller can
// do about it.
func (u *unfit) needs(f platform.Field, instead string) {
	does := "does not document"
	switch u.p.Takes(f) {
	case platform.Taken:
		return
	case platform.Dropped:
		does = "ignores"
	case platform.Refused:
		does = "refuses"
	case platform.Unknown:
	}
	u.add(f, does+" it: "+instead)
}

func (u *unfit) add(f platform.Field, why string) {
	u.says = append(u.says, string(f)+": "+u.p.Name+" "+why)
}

// refusal returns the refusal of an entry that the platform can't apply, or nil.
func (u *unfit) refusal(b *Builder) *Failure {
	if len(u.says) == 0 {
		return nil
	}
	return b.refusal(KindUnsupported, strings.Join(u.says, "; "), nil)
}

// checkPlatform returns the refusal of options that the platform can't apply, as
// far as they are known before an entry is built.
func (b *Builder) checkPlatform(o *Options) *Failure {
	u := &unfit{p: b.platform}
	if b.platform.Refused != "" {
		u.says = append(u.says, string(platform.FieldServerURL)+": "+b.platform.Name+" can't use the entry: "+b.platform.Refused)
		return u.refusal(b)
	}
	switch {
	case b.tunnel != "":
		u.needs(platform.FieldTunnel, "use a server with a public URL")
	case b.connector != "":
		u.needs(platform.FieldConnector, "use a server with a URL")
		if b.platform.Bearer() != platform.FieldAuthorization {
			u.add(platform.FieldAuthorization, "does not document it, and a connector takes its token there only")
		}
	default:
		u.needs(platform.FieldServerURL, "use another platform")
		switch {
		case b.relay != nil:
			u.transport(providers.TransportHTTP) // the relay's own
		case b.url != "":
			u.transport(b.transportAt(b.url))
		}
	}
	if o.Description != "" {
		u.needs(platform.FieldDescription, "leave out the description")
	}
	if b.relay == nil { // otherwise the relay applies these
		if b.allowed != nil {
			u.needs(platform.FieldAllowedTools, "the model would see all tools")
		}
		if b.readOnly {
			u.needs(platform.FieldReadOnly, "name the tools in the list of allowed tools")
		}
	}
	if b.callers != nil {
		u.needs(platform.FieldCallers, "leave out the allowed callers")
	}
	if b.deferred {
		u.needs(platform.FieldDefer, "the list would be in the context")
	}
	u.approval(o.Approval)
	u.credential(b)
	return u.refusal(b)
}

// approval requires that calls don't run without the approval that a asks for.
func (u *unfit) approval(a Approval) {
	if u.p.Takes(platform.FieldApproval) != platform.Taken {
		if !a.never {
			u.add(platform.FieldApproval, "has no approval and makes each call: set the approval to never if every call may run unasked")
		}
		return
	}
	if len(a.Always)+len(a.Never) > 0 {
		u.needs(platform.FieldApprovalFilter, "set the approval for all tools alike")
	}
	if a.InsecureTrustReadOnly {
		u.needs(platform.FieldApprovalReadOnly, "name the tools that need no approval")
	}
}

// credential requires that the platform sends the credential to the server.
func (u *unfit) credential(b *Builder) {
	switch {
	case b.creds == nil && b.relay == nil:
	case u.p.NoCredential != "":
		u.add(platform.FieldAuthorization, "takes no credential in an entry: "+u.p.NoCredential)
	case b.useHeaders:
		u.needs(platform.FieldHeaderAuth, "use the authorization field")
	}
}

// transport requires that the platform speaks the transport.
func (u *unfit) transport(transport string) {
	if u.p.Transports == nil || transport == "" || slices.Contains(u.p.Transports, transport) {
		return
	}
	u.add(platform.FieldServerURL, fmt.Sprintf("connects by %s only, and this server speaks %s", transportNames[u.p.Transports[0]], transportNames[transport]))
}

var transportNames = map[string]string{providers.TransportHTTP: "Streamable HTTP", providers.TransportSSE: "HTTP+SSE"}

// transportAt returns the transport of the server at a URL. Vendors with both
// transports serve the older one at a path that ends in /sse.
func (b *Builder) transportAt(serverURL string) string {
	if u, err := url.Parse(serverURL); err == nil && path.Base(u.Path) == "sse" {
		return providers.TransportSSE
	}
	return b.provider.Transport
}

// checkEntry returns the refusal of an entry without a relay that the platform can't
// apply, for facts that are known only now.
func (b *Builder) checkEntry(serverURL string, headers map[string]string) *Failure {
	u := &unfit{p: b.platform}
	if b.hasURL() {
		u.transport(b.transportAt(serverURL))
	}
	if len(headers) > 0 {
		u.needs(platform.FieldHeaders, "leave out the headers")
	}
	return u.refusal(b)
}

// checkCarried returns the refusal of a credential in headers that the platform
// doesn't send, or nil.
func (b *Builder) checkCarried(headers map[string]string) *Failure {
	u := &unfit{p: b.platform}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		field := platform.FieldHeaderKeys
		if strings.EqualFold(name, "Authorization") {
			field = platform.FieldHeaderAuth
		}
		u.needs(field, "the credential travels in the header "+name)
	}
	return u.refusal(b)
}

// checkBearer returns the refusal of a bearer token that the platform doesn't send.
func (b *Builder) checkBearer() *Failure {
	u := &unfit{p: b.platform}
	u.needs(platform.FieldAuthorization, "the server would be used without the token")
	return u.refusal(b)
}

// inHeaders reports whether a bearer token travels in headers.
func (b *Builder) inHeaders() bool {
	return b.useHeaders || b.platform.Bearer() == platform.FieldHeaderAuth
}

// takes reports whether the platform applies a field.
func (b *Builder) takes(f platform.Field) bool { return b.platform.Takes(f) == platform.Taken }

// approvalInLists reports whether require_approval has lists of names.
func (b *Builder) approvalInLists() bool { return b.platform.ApprovalLists && b.approval.byTool() }

// platformFields returns the fields of an entry that openai-go has no type for.
func (b *Builder) platformFields() map[string]any {
	if len(b.platform.EntryFields) == 0 && !b.approvalInLists() {
		return nil
	}
	extra := make(map[string]any)
	for name, value := range b.platform.EntryFields {
		extra[name] = value
	}
	if b.approvalInLists() {
		lists := make(map[string][]string)
		if len(b.approval.Always) > 0 {
			lists["always"] = slices.Clone(b.approval.Always)
		}
		if len(b.approval.Never) > 0 {
			lists["never"] = slices.Clone(b.approval.Never)
		}
		extra["require_approval"] = lists
	}
	return extra
}

// platformID checks that a platform of the options has an id: without, it would
// count as OpenAI.
func (f *faults) platformID(p platform.Platform) {
	if p.ID == "" && !reflect.ValueOf(p).IsZero() {
		f.addf("the platform has no ID")
	}
}

// platformLabel checks the label by the platform's rule.
func (f *faults) platformLabel(p platform.Platform, label string) {
	if p.Label == "" {
		return
	}
	rule, err := regexp.Compile(p.Label)
	if err != nil {
		f.addf("the label rule of platform %q is not a regular expression", p.ID)
		return
	}
	if !rule.MatchString(label) {
		f.addf("label %q: %s takes only labels that match %s", label, p.Name, p.Label)
	}
}

// platformWarnings returns sentences about what the entry alone can't do. Requests
// by Result.Option or package session do it.
func platformWarnings(p platform.Platform) []string {
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(p.RequestHeaders)) {
		warnings = append(warnings, fmt.Sprintf("%s needs the request header %s: %s, which no entry can carry: send it with the request", p.Name, name, p.RequestHeaders[name]))
	}
	return warnings
}

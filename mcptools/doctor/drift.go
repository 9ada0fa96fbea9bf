package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/internal/issuer"
	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/providers"
)

// Outcomes of a [Verification].
const (
	OutcomeSame    = "same"    // every fact of the catalogue is still correct
	OutcomeDiffers = "differs" // a fact has changed
	OutcomeUnknown = "unknown" // the server did not respond
	OutcomeSkipped = "skipped" // there is nothing to check; Detail says why
)

// Kinds of a [Drift].
const (
	DriftChanged = "changed" // the server has another value
	DriftGone    = "gone"    // the server no longer has it
	DriftNew     = "new"     // only the server has it
)

// A Drift is one fact of the catalogue that differs from the live metadata.
type Drift struct {
	Fact  string `json:"fact"`  // such as "oauth.token_endpoint"
	Kind  string `json:"kind"`  // one of the Drift constants
	Known string `json:"known"` // value in the catalogue, or ""
	Live  string `json:"live"`  // value of the server, shortened and printable, or ""
}

// A Verification is the result of comparing one record with its server.
type Verification struct {
	Provider  string    `json:"provider"`   // id of the record
	ServerURL string    `json:"server_url"` // URL that was asked
	Outcome   string    `json:"outcome"`    // one of the Outcome constants
	Drifts    []Drift   `json:"drifts"`     // new ones alone leave the outcome "same"
	Detail    string    `json:"detail"`     // a sentence if it was skipped or a part could not be checked
	Checked   time.Time `json:"checked_at"` // when the check began
}

// VerifyOptions configure [VerifyCatalogue].
type VerifyOptions struct {
	// Parallel is the number of servers checked concurrently. If zero, 4.
	Parallel int
	// Timeout limits the check of one server, including all documents. If zero,
	// 30s.
	Timeout time.Duration
	// InsecureTransport replaces the guarded transport, for example to use a
	// proxy, an intranet or a private certificate authority. It must not retry
	// requests, and it decides which addresses may be reached. Checks of URLs,
	// redirects, time and body size still apply. If nil, only public addresses
	// over https.
	InsecureTransport http.RoundTripper
	// InsecureAllowLoopback allows http and loopback addresses, for tests. If false,
	// they are refused.
	InsecureAllowLoopback bool
}

// VerifyCatalogue compares the facts of each provider with the metadata that
// its server and its authorization server publish, and returns the differences
// in the order of the providers. It sends no credential and registers nothing.
// Providers with per-customer URLs and retired ones are skipped. When ctx is
// done, the remaining ones are unknown.
func VerifyCatalogue(ctx context.Context, all []providers.Provider, opts *VerifyOptions) []Verification {
	o := VerifyOptions{}
	if opts != nil {
		o = *opts
	}
	if o.Parallel < 1 {
		o.Parallel = 4
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	hc := safehttp.New(&safehttp.Options{AllowLoopback: o.InsecureAllowLoopback, Transport: o.InsecureTransport})
	defer hc.CloseIdleConnections()

	out := make([]Verification, len(all))
	free := make(chan struct{}, o.Parallel)
	var wg sync.WaitGroup
	for i, p := range all {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			ctx, cancel := context.WithTimeout(ctx, o.Timeout)
			defer cancel()
			out[i] = verify(ctx, hc, p)
		})
	}
	wg.Wait()
	return out
}

func verify(ctx context.Context, hc *http.Client, p providers.Provider) Verification {
	v := &comparison{Verification: Verification{Provider: p.ID, Outcome: OutcomeSame, Drifts: []Drift{}, Checked: time.Now().UTC()}}
	v.compare(ctx, hc, p)
	if slices.ContainsFunc(v.Drifts, func(d Drift) bool { return d.Kind != DriftNew }) {
		v.Outcome = OutcomeDiffers
	}
	return v.Verification
}

type comparison struct {
	Verification
}

func (v *comparison) compare(ctx context.Context, hc *http.Client, p providers.Provider) {
	q, err := p.Resolve("")
	switch {
	case err != nil:
		v.Outcome, v.Detail = OutcomeSkipped, sentence(err)
		return
	case p.Server.Connector != "":
		v.Outcome, v.Detail = OutcomeSkipped, "It is an OpenAI connector and has no MCP server."
		return
	}
	v.ServerURL = q.Server.URL
	answer, err := oauth.Ask(ctx, hc, q.Server.URL, nil, q.Transport == providers.TransportSSE)
	if err != nil {
		v.Outcome, v.Detail = OutcomeUnknown, "The server did not respond."
		return
	}
	if answer.Status == http.StatusTooManyRequests || answer.Status >= http.StatusInternalServerError {
		v.Outcome, v.Detail = OutcomeUnknown, fmt.Sprintf("The server responded with status %d.", answer.Status)
		return
	}
	v.access(q, answer)
	if !hasOAuth(q) {
		return
	}
	challenge, _ := oauth.BearerChallenge(oauth.ParseChallenges(answer.Header))
	resource, ok := v.resource(ctx, hc, q, challenge.ResourceMetadata)
	if !ok {
		return
	}
	v.authorizationServer(ctx, hc, p, q, resource)
}

func hasOAuth(p providers.Provider) bool {
	return slices.ContainsFunc(p.Ways, func(w providers.Way) bool { return w.Kind == providers.WayOAuth })
}

func isOpen(p providers.Provider) bool {
	return p.Check.Anonymous || slices.ContainsFunc(p.Ways, func(w providers.Way) bool { return w.Kind == providers.WayNone })
}

// access compares whether the server requires a token.
func (v *comparison) access(p providers.Provider, a *oauth.Answer) {
	const fact = "access"
	switch open := isOpen(p); {
	case a.Status == http.StatusUnauthorized && open:
		v.drift(fact, DriftChanged, "no token required", "token required")
	case a.Status/100 == 2 && !open:
		v.drift(fact, DriftChanged, "token required", "no token required")
	case a.Status/100 == 3:
		v.drift("server_url", DriftChanged, p.Server.URL, "redirects to "+withoutQuery(a.Header.Get("Location")))
	case a.Status == http.StatusNotFound, a.Status == http.StatusGone, a.Status == http.StatusMethodNotAllowed:
		v.drift("server_url", DriftGone, p.Server.URL, fmt.Sprintf("status %d", a.Status))
	}
}

// resource compares the protected-resource metadata and returns it, or nil if
// the server has none. ok is false if that is unknown.
func (v *comparison) resource(ctx context.Context, hc *http.Client, p providers.Provider, hint string) (m *oauth.ResourceMetadata, ok bool) {
	if hint == "" {
		hint = p.OAuth.ResourceMetadata
	}
	known := append([]string{p.OAuth.Resource}, p.OAuth.Resources...)
	known = slices.DeleteFunc(known, func(r string) bool { return !p.AcceptsResource(p.Server.URL, r) })
	m, err := oauth.FindResourceMetadata(ctx, hc, oauth.ResourceRequest{ServerURL: p.Server.URL, Hint: hint, Resources: known})
	failed, _ := errors.AsType[*oauth.Error](err)
	switch {
	case errors.Is(err, oauth.ErrResourceMismatch):
		v.drift("oauth.resource", DriftChanged, cmp.Or(p.OAuth.Resource, p.Server.URL), failed.Description)
		return nil, false
	case errors.Is(err, oauth.ErrNoMetadata):
		v.text("oauth.resource_metadata", p.OAuth.ResourceMetadata, "")
		return nil, true
	case err != nil:
		v.Detail = "The server's metadata could not be retrieved: " + sentence(err)
		return nil, false
	}
	v.text("oauth.resource_metadata", p.OAuth.ResourceMetadata, m.URL)
	if m.CheckBearer() != nil {
		v.drift("oauth.resource", DriftChanged, "plain bearer tokens", "tokens that are bound to a key")
	}
	return m, true
}

// listed returns the issuer that stands for the record's in the resource's
// metadata, as package connect chooses it, or "" if there is none.
func listed(record, p providers.Provider, issuers []string) string {
	for _, i := range issuers {
		if issuer.Same(i, p.OAuth.Issuer) {
			return p.OAuth.Issuer
		}
	}
	for _, i := range issuers {
		if record.NamesIssuer(i) { // a tenant's, of which the metadata names another
			return cmp.Or(p.OAuth.Issuer, i)
		}
	}
	return ""
}

// authorizationServer compares the metadata of the authorization server: the
// catalogue's one if the server still names it, else the first that the server
// names. Package connect does not read metadata for a pinned record, so that the
// issuer may be that of the document or of the list.
func (v *comparison) authorizationServer(ctx context.Context, hc *http.Client, record, p providers.Provider, resource *oauth.ResourceMetadata) {
	known, at := p.OAuth.Issuer, p.OAuth.Issuer
	if resource != nil {
		at = listed(record, p, resource.AuthorizationServers)
		if at == "" && (!p.OAuth.Pinned || len(resource.AuthorizationServers) == 0) {
			v.text("oauth.issuer", known, strings.Join(resource.AuthorizationServers, " "))
		}
		if at == "" && len(resource.AuthorizationServers) > 0 {
			at = resource.AuthorizationServers[0]
		}
	}
	var m *oauth.ServerMetadata
	var err error
	switch {
	case at != "":
		m, err = oauth.FindServer(ctx, hc, at)
	case p.OAuth.InsecureLegacyDiscovery:
		m, err = oauth.FindLegacyServer(ctx, hc, p.Server.URL)
	default:
		v.Detail = "The authorization server is unknown."
		return
	}
	failed, _ := errors.AsType[*oauth.Error](err)
	switch {
	case errors.Is(err, oauth.ErrIssuerMismatch) && p.OAuth.Pinned && (issuer.Same(at, known) || issuer.Same(failed.Description, known)):
		v.Detail = "The documents of the authorization server name two issuers, so that its endpoints can't be compared."
		return
	case errors.Is(err, oauth.ErrIssuerMismatch) && known == "":
		v.Detail = "The issuer depends on the customer."
		return
	case errors.Is(err, oauth.ErrIssuerMismatch):
		v.drift("oauth.issuer", DriftChanged, at, failed.Description)
		return
	case errors.Is(err, oauth.ErrNoMetadata):
		v.Detail = "The authorization server has no metadata."
		if p.OAuth.TokenEndpoint == "" {
			v.drift("oauth.issuer", DriftGone, at, "")
		}
		return
	case err != nil:
		v.Detail = "The authorization server's metadata could not be retrieved: " + sentence(err)
		return
	}
	if p.OAuth.Pinned && !issuer.Same(m.Issuer, known) {
		v.drift("oauth.issuer", DriftChanged, known, m.Issuer)
		return
	}
	v.endpoints(p, m)
	scopes := m.Scopes
	if resource != nil {
		scopes = slices.Concat(scopes, resource.Scopes)
	}
	if (resource == nil || resource.Scopes == nil) && !slices.ContainsFunc(p.OAuth.Scopes, func(s string) bool { return slices.Contains(scopes, s) }) {
		scopes = nil // Google's authorization server lists none of its services' scopes
	}
	v.abilities(p, m, scopes)
}

func (v *comparison) endpoints(p providers.Provider, m *oauth.ServerMetadata) {
	v.text("oauth.authorization_endpoint", p.OAuth.AuthorizationEndpoint, withoutQuery(m.AuthorizationEndpoint))
	v.text("oauth.token_endpoint", p.OAuth.TokenEndpoint, m.TokenEndpoint)
	v.text("oauth.registration_endpoint", p.OAuth.RegistrationEndpoint, m.RegistrationEndpoint)
	if m.RevocationEndpoint != "" { // otherwise that of the record is used
		v.text("oauth.revocation_endpoint", p.OAuth.RevocationEndpoint, m.RevocationEndpoint)
	}
}

func (v *comparison) abilities(p providers.Provider, m *oauth.ServerMetadata, scopes []string) {
	if len(scopes) > 0 {
		for _, s := range p.OAuth.Scopes {
			if !slices.Contains(scopes, s) {
				v.drift("oauth.scopes", DriftGone, s, "")
			}
		}
	}
	if len(m.AuthMethods) > 0 && !sameSet(p.OAuth.AuthMethods, m.AuthMethods) {
		v.text("oauth.auth_methods", strings.Join(p.OAuth.AuthMethods, " "), strings.Join(m.AuthMethods, " "))
	}
	if len(m.GrantTypes) > 0 {
		live := providers.No
		if slices.Contains(m.GrantTypes, "refresh_token") {
			live = providers.Yes
		}
		if p.Tokens.Refresh != live {
			v.text("tokens.refresh", string(p.Tokens.Refresh), string(live))
		}
	}
	switch {
	case p.OAuth.ClientIDMetadata && !m.ClientIDMetadata:
		v.drift("oauth.client_id_metadata", DriftGone, "yes", "")
	case !p.OAuth.ClientIDMetadata && m.ClientIDMetadata:
		v.drift("oauth.client_id_metadata", DriftNew, "", "yes")
	}
	if err := m.CheckPKCE(p.OAuth.InsecureNoPKCEMetadata); err != nil {
		v.drift("oauth.pkce", DriftChanged, "S256", strings.Join(m.CodeChallengeMethods, " "))
	}
}

// text compares two values, where "" means absent.
func (v *comparison) text(fact, known, live string) {
	switch {
	case known == live:
	case known == "":
		v.drift(fact, DriftNew, "", live)
	case live == "":
		v.drift(fact, DriftGone, known, "")
	default:
		v.drift(fact, DriftChanged, known, live)
	}
}

func (v *comparison) drift(fact, kind, known, live string) {
	v.Drifts = append(v.Drifts, Drift{Fact: fact, Kind: kind, Known: known, Live: safetext.Excerpt(live, maxText)})
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

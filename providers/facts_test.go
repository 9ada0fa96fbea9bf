package providers_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/providers"
)

// A fact is one record of the collection that the catalogue was made from.
type fact struct {
	ID           string   `json:"id"`
	URL          string   `json:"server_url"`
	Alternates   []string `json:"alt_urls"`
	Transport    string   `json:"transport"`
	Issuer       string   `json:"authorization_server"`
	Authorize    string   `json:"authorization_endpoint"`
	Token        string   `json:"token_endpoint"`
	Registration string   `json:"registration_endpoint"`
	Revocation   string   `json:"revocation_endpoint"`
	Metadata     string   `json:"protected_resource_metadata_url"`
	Resource     string   `json:"resource_param"`
	Scopes       []string `json:"scopes"`
	Refresh      *bool    `json:"refresh_tokens"`
	Rotates      *bool    `json:"rotates_refresh_token"`
	TTL          int      `json:"access_token_ttl_s"`
	REST         *bool    `json:"rest_api_token_accepted"`
	Docs         []string `json:"docs"`
	Date         string   `json:"verified_date_of_source"`
	Confidence   string   `json:"confidence"`
}

func facts(t *testing.T) []fact {
	t.Helper()
	shared := os.Getenv("TOOLGRANT_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	data, err := os.ReadFile(filepath.Join(shared, "facts", "providers.json"))
	if os.IsNotExist(err) && os.Getenv("CI") == "" {
		t.Skip("the shared facts are not here; set TOOLGRANT_SHARED")
	}
	require.NoError(t, err)
	var all []fact
	require.NoError(t, json.Unmarshal(data, &all))
	return all
}

func answer(b *bool) providers.Answer {
	switch {
	case b == nil:
		return providers.Unknown
	case *b:
		return providers.Yes
	}
	return providers.No
}

// corrected are the fields, by their names in the collection, in which a record
// differs from the collection because the audit of 2026-11-28
// (facts/catalogue-audit.md) found something better. The record's sources are
// those that the audit names. Three come from other reports: Atlassian's
// revocation endpoint (its metadata on 2026-09-08), Datadog's issuer and
// endpoints (several readings of its metadata), and Pipedream's issuer, which
// stands for the origin of its token endpoint.
var corrected = map[string]string{
	"atlassian":            "access_token_ttl_s revocation_endpoint",
	"buildkite":            "authorization_server",
	"cloudflare":           "protected_resource_metadata_url",
	"context7":             "authorization_server scopes",
	"databricks":           "authorization_server",
	"datadog":              "authorization_server authorization_endpoint token_endpoint registration_endpoint",
	"dropbox":              "rest_api_token_accepted scopes",
	"gitlab":               "authorization_server authorization_endpoint token_endpoint revocation_endpoint protected_resource_metadata_url scopes verified_date_of_source confidence",
	"globalping":           "authorization_server protected_resource_metadata_url scopes",
	"google_maps":          "authorization_server authorization_endpoint token_endpoint revocation_endpoint scopes verified_date_of_source confidence",
	"grafana_cloud":        "authorization_server authorization_endpoint token_endpoint registration_endpoint scopes",
	"hubspot":              "revocation_endpoint",
	"linear":               "access_token_ttl_s",
	"microsoft_agent365":   "protected_resource_metadata_url scopes",
	"microsoft_azure":      "authorization_server",
	"microsoft_enterprise": "protected_resource_metadata_url scopes verified_date_of_source confidence",
	"mixpanel":             "authorization_server scopes",
	"pipedream":            "authorization_server",
	"ramp":                 "authorization_server revocation_endpoint protected_resource_metadata_url refresh_tokens access_token_ttl_s docs verified_date_of_source confidence",
	"shopify_storefront":   "server_url docs verified_date_of_source confidence",
	"snowflake":            "authorization_server authorization_endpoint token_endpoint scopes",
	"square":               "server_url transport resource_param protected_resource_metadata_url verified_date_of_source",
	"supabase":             "docs",
}

// added are the servers of section 4 of the audit, which the collection lacks.
var added = []string{
	"ahrefs", "apollo", "attio", "calendly", "clay", "close", "docusign", "jam", "klaviyo", "mercadopago", "microsoft_azure_devops",
	"miro", "mongodb", "netlify", "new_relic", "perplexity", "planetscale", "printify", "prisma", "semgrep", "shopify_customer", "todoist",
}

func TestRecordsAgreeWithTheFacts(t *testing.T) {
	t.Parallel()
	all := facts(t)
	assert.Len(t, providers.All(), len(all)+len(added))
	tenant := strings.NewReplacer("{tenant}", "{tenant_id}", "{org}", "{organization}")
	for _, f := range all {
		assert.NotContains(t, added, f.ID)
		t.Run(f.ID, func(t *testing.T) {
			t.Parallel()
			p, ok := providers.Lookup(f.ID)
			require.True(t, ok)
			better := strings.Fields(corrected[f.ID])
			refresh := answer(f.Refresh)
			if way, _ := p.Way(""); way.Kind != providers.WayOAuth {
				refresh = p.Tokens.Refresh // the collection speaks of another way
			}
			for field, both := range map[string][2]any{
				"refresh_tokens":                  {refresh, p.Tokens.Refresh},
				"server_url":                      {f.URL, p.Server.URL},
				"transport":                       {f.Transport, p.Transport},
				"authorization_server":            {tenant.Replace(f.Issuer), p.OAuth.Issuer},
				"authorization_endpoint":          {tenant.Replace(f.Authorize), p.OAuth.AuthorizationEndpoint},
				"token_endpoint":                  {tenant.Replace(f.Token), p.OAuth.TokenEndpoint},
				"registration_endpoint":           {f.Registration, p.OAuth.RegistrationEndpoint},
				"revocation_endpoint":             {f.Revocation, p.OAuth.RevocationEndpoint},
				"resource_param":                  {true, f.Resource == "" || p.AcceptsResource(p.Server.URL, f.Resource)},
				"protected_resource_metadata_url": {f.Metadata, p.OAuth.ResourceMetadata},
				"scopes":                          {append([]string{}, f.Scopes...), append([]string{}, p.OAuth.Scopes...)},
				"access_token_ttl_s":              {time.Duration(f.TTL) * time.Second, p.Tokens.TTL},
				"rest_api_token_accepted":         {answer(f.REST), p.RESTToken},
				"docs":                            {f.Docs, p.Docs},
				"verified_date_of_source":         {f.Date, p.Source.Date},
				"confidence":                      {f.Confidence, p.Source.Confidence},
			} {
				if i := slices.Index(better, field); i >= 0 {
					assert.NotEqual(t, both[0], both[1], "%s is not corrected any more", field)
					better = slices.Delete(better, i, i+1)
					continue
				}
				assert.Equal(t, both[0], both[1], field)
			}
			assert.Empty(t, better, "no such fields")
			// Two vendors say more of rotation than the collection.
			if f.ID != "github" && f.ID != "atlassian" && f.Rotates != nil && *f.Rotates {
				assert.Equal(t, providers.Yes, p.Tokens.Rotates)
			}
			for _, alt := range f.Alternates {
				assertKnown(t, p, alt)
			}
		})
	}
}

// assertKnown: a URL of the collection is taken, or refused in a sentence that
// names what to use.
func assertKnown(t *testing.T, p providers.Provider, raw string) {
	t.Helper()
	if slices.Contains(p.Server.Alternates, raw) || p.Retired != "" {
		return
	}
	example := strings.NewReplacer(
		"{uuid}", "00000000-0000-4000-8000-000000000000", "{token}", "synthetic", "{key}", "synthetic", "{ref}", "abc",
		"{id}", "abc", "{c}", "abc", "{list}", "abc", "{org}", "acme", "{project}", "web", "{account_id}", "1234567",
	).Replace(raw)
	if _, err := p.ServerURL(example); err != nil {
		var refused *providers.RefusedURLError
		require.ErrorAs(t, err, &refused)
		assert.NotContains(t, refused.Detail, "that is not a URL of", raw)
	}
}

package providers

import "time"

// googleCloudFamily is the family of Google Cloud's servers, and Maps.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var googleCloudFamily = []Provider{
	{
		ID:          "google_bigquery",
		Name:        "BigQuery",
		Vendor:      "Google",
		Description: "BigQuery: datasets, tables and queries.",
		Server:      Server{URL: "https://bigquery.googleapis.com/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth client of Google Cloud",
				Obtain:       "Make an OAuth client of the type Web application in Google Cloud, turn the API and its MCP server on, and let the user consent: run toolgrant connect google_bigquery.",
				Takes:        []TokenKind{"google_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://accounts.google.com",
			AuthorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
			TokenEndpoint:         "https://oauth2.googleapis.com/token",
			RevocationEndpoint:    "https://oauth2.googleapis.com/revoke",
			ResourceMetadata:      "https://bigquery.googleapis.com/.well-known/oauth-protected-resource/mcp",
			Resource:              "https://bigquery.googleapis.com/mcp",
			Scopes:                []string{"https://www.googleapis.com/auth/bigquery"},
			DefaultScopes:         []string{"https://www.googleapis.com/auth/bigquery"},
			AuthorizationParams:   map[string]string{"access_type": "offline", "prompt": "consent"},
		},
		Tokens: Tokens{
			TTL:     time.Hour,
			Refresh: Yes,
			Rotates: No,
			Format:  "An access token begins with ya29. and is opaque.",
		},
		RESTToken: Yes,
		Wrong: []Wrong{
			{Kind: "google_api_key", Why: "This server takes OAuth access tokens."},
		},
		Check: Check{
			Anonymous: true,
			Note:      "Google's tokeninfo (https://oauth2.googleapis.com/tokeninfo) tells whether a token lives, and its scopes.",
		},
		Hazards: []string{
			"Anyone may initialize and list the tools: a bad token shows only when a tool is called.",
			"An access token lives for an hour, which a long run outlives: refresh before every request.",
		},
		Quirks: []string{
			"There is neither dynamic registration nor a client ID metadata document; ordinary Google OAuth tokens with the right scope are taken.",
			"Without access_type=offline and prompt=consent there is no refresh token; of an External app in Testing it lives for 7 days.",
			"Whoever connects needs the IAM role roles/mcp.toolUser (MCP Tool User) on the project.",
			"The roles BigQuery Job User and BigQuery Data Viewer are needed too.",
		},
		Docs: []string{
			"https://developers.google.com/workspace/guides/configure-mcp-servers",
			"https://docs.cloud.google.com/mcp/overview",
		},
		Source: Source{URL: "https://developers.google.com/workspace/guides/configure-mcp-servers", Date: "2026-08-20", Confidence: "high"},
	},
	{
		ID:          "google_compute",
		Name:        "Compute Engine",
		Vendor:      "Google",
		Description: "Compute Engine: instances and disks.",
		Server:      Server{URL: "https://compute.googleapis.com/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth client of Google Cloud",
				Obtain:       "Make an OAuth client of the type Web application in Google Cloud, turn the API and its MCP server on, and let the user consent: run toolgrant connect google_compute.",
				Takes:        []TokenKind{"google_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://accounts.google.com",
			AuthorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
			TokenEndpoint:         "https://oauth2.googleapis.com/token",
			RevocationEndpoint:    "https://oauth2.googleapis.com/revoke",
			ResourceMetadata:      "https://compute.googleapis.com/.well-known/oauth-protected-resource/mcp",
			Resource:              "https://compute.googleapis.com/mcp",
			Scopes:                []string{"https://www.googleapis.com/auth/compute"},
			DefaultScopes:         []string{"https://www.googleapis.com/auth/compute"},
			AuthorizationParams:   map[string]string{"access_type": "offline", "prompt": "consent"},
		},
		Tokens: Tokens{
			TTL:     time.Hour,
			Refresh: Yes,
			Rotates: No,
			Format:  "An access token begins with ya29. and is opaque.",
		},
		RESTToken: Yes,
		Wrong: []Wrong{
			{Kind: "google_api_key", Why: "This server takes OAuth access tokens."},
		},
		Check: Check{
			Anonymous: true,
			Note:      "Google's tokeninfo (https://oauth2.googleapis.com/tokeninfo) tells whether a token lives, and its scopes.",
		},
		Hazards: []string{
			"Anyone may initialize and list the tools: a bad token shows only when a tool is called.",
			"An access token lives for an hour, which a long run outlives: refresh before every request.",
		},
		Quirks: []string{
			"There is neither dynamic registration nor a client ID metadata document; ordinary Google OAuth tokens with the right scope are taken.",
			"Without access_type=offline and prompt=consent there is no refresh token; of an External app in Testing it lives for 7 days.",
			"Whoever connects needs the IAM role roles/mcp.toolUser (MCP Tool User) on the project.",
			"Metadata without /mcp at the end of its path is 404.",
		},
		Docs: []string{
			"https://developers.google.com/workspace/guides/configure-mcp-servers",
			"https://docs.cloud.google.com/mcp/overview",
		},
		Source: Source{URL: "https://developers.google.com/workspace/guides/configure-mcp-servers", Date: "2026-08-20", Confidence: "high"},
	},
	{
		ID:          "google_maps",
		Name:        "Google Maps Grounding",
		Vendor:      "Google",
		Description: "Google Maps: places, routes and weather.",
		Server:      Server{URL: "https://mapstools.googleapis.com/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:     "api_key",
				Kind:   WayKey,
				Name:   "API key",
				Obtain: "An API key of Google Cloud; the header is from catalogues, not from a page of Google.",
				Carry:  []Carry{{Header: "X-Goog-Api-Key"}},
				Takes:  []TokenKind{"google_api_key"},
			},
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth client of Google Cloud",
				Obtain:       "Make an OAuth client in Google Cloud; that OAuth is taken is from catalogues, not from a page of Google.",
				Takes:        []TokenKind{"google_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://accounts.google.com",
			AuthorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
			TokenEndpoint:         "https://oauth2.googleapis.com/token",
			RevocationEndpoint:    "https://oauth2.googleapis.com/revoke",
			Scopes:                []string{"https://www.googleapis.com/auth/maps-platform.mapstools"},
			DefaultScopes:         []string{"https://www.googleapis.com/auth/maps-platform.mapstools"},
			AuthorizationParams:   map[string]string{"access_type": "offline", "prompt": "consent"},
			Source:                Source{URL: "https://accounts.google.com/.well-known/openid-configuration", Date: "2026-11-28", Confidence: "low"},
		},
		Hazards: []string{
			"The key travels in a header of its own, which OpenAI's authorization field can't carry.",
		},
		Quirks: []string{
			"One public catalogue lists an API key, another OAuth; no page of Google was read that says which header the key is in.",
		},
		Docs:   []string{"https://developers.google.com/maps/ai/mcp"},
		Source: Source{URL: "https://developers.google.com/maps/ai/mcp", Date: "2026-08-21", Confidence: "low"},
	},
}

// GoogleBigQuery is Google's MCP server for BigQuery.
func GoogleBigQuery() Provider { return record("google_bigquery") }

// GoogleCompute is Google's MCP server for Compute Engine.
func GoogleCompute() Provider { return record("google_compute") }

// GoogleMaps is Google's MCP server for grounding in Maps. What is known of it is from
// catalogues of others.
func GoogleMaps() Provider { return record("google_maps") }

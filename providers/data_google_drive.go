package providers

import "time"

// googleDriveFamily is the family of Google Drive and the editors of what is in it.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var googleDriveFamily = []Provider{
	{
		ID:          "google_docs",
		Name:        "Google Docs",
		Vendor:      "Google",
		Description: "Google Docs: documents.",
		Server:      Server{URL: "https://docsmcp.googleapis.com/mcp/v1"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth client of Google Cloud",
				Obtain:       "Make an OAuth client of the type Web application in Google Cloud, turn the API and its MCP server on, and let the user consent: run toolgrant connect google_docs.",
				Takes:        []TokenKind{"google_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://accounts.google.com",
			AuthorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
			TokenEndpoint:         "https://oauth2.googleapis.com/token",
			RevocationEndpoint:    "https://oauth2.googleapis.com/revoke",
			ResourceMetadata:      "https://docsmcp.googleapis.com/.well-known/oauth-protected-resource/mcp/v1",
			Resource:              "https://docsmcp.googleapis.com/mcp/v1",
			Scopes: []string{
				"https://www.googleapis.com/auth/drive.readonly",
				"https://www.googleapis.com/auth/drive.file",
				"https://www.googleapis.com/auth/documents.readonly",
				"https://www.googleapis.com/auth/documents",
			},
			DefaultScopes:       []string{"https://www.googleapis.com/auth/documents.readonly"},
			AuthorizationParams: map[string]string{"access_type": "offline", "prompt": "consent"},
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
			"Developer Preview: the Cloud project must be in the Google Workspace Developer Preview Program; a consumer account got 403 when data was asked for (public note of 2026-07-23).",
			"The set-up page and the live metadata disagree about drive.file and drive.",
		},
		Docs: []string{
			"https://developers.google.com/workspace/guides/configure-mcp-servers",
			"https://docs.cloud.google.com/mcp/overview",
		},
		Source: Source{URL: "https://developers.google.com/workspace/guides/configure-mcp-servers", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "google_drive",
		Name:        "Google Drive",
		Vendor:      "Google",
		Description: "Google Drive: finding and reading files.",
		Server:      Server{URL: "https://drivemcp.googleapis.com/mcp/v1"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth client of Google Cloud",
				Obtain:       "Make an OAuth client of the type Web application in Google Cloud, turn the API and its MCP server on, and let the user consent: run toolgrant connect google_drive.",
				Takes:        []TokenKind{"google_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://accounts.google.com",
			AuthorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
			TokenEndpoint:         "https://oauth2.googleapis.com/token",
			RevocationEndpoint:    "https://oauth2.googleapis.com/revoke",
			ResourceMetadata:      "https://drivemcp.googleapis.com/.well-known/oauth-protected-resource/mcp/v1",
			Resource:              "https://drivemcp.googleapis.com/mcp/v1",
			Scopes: []string{
				"https://www.googleapis.com/auth/drive.readonly",
				"https://www.googleapis.com/auth/drive.file",
			},
			DefaultScopes:       []string{"https://www.googleapis.com/auth/drive.readonly"},
			AuthorizationParams: map[string]string{"access_type": "offline", "prompt": "consent"},
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
			"Developer Preview: the Cloud project must be in the Google Workspace Developer Preview Program; a consumer account got 403 when data was asked for (public note of 2026-07-23).",
		},
		Docs: []string{
			"https://developers.google.com/workspace/guides/configure-mcp-servers",
			"https://docs.cloud.google.com/mcp/overview",
		},
		Source: Source{URL: "https://developers.google.com/workspace/guides/configure-mcp-servers", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "google_sheets",
		Name:        "Google Sheets",
		Vendor:      "Google",
		Description: "Google Sheets: spreadsheets.",
		Server:      Server{URL: "https://sheetsmcp.googleapis.com/mcp/v1"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth client of Google Cloud",
				Obtain:       "Make an OAuth client of the type Web application in Google Cloud, turn the API and its MCP server on, and let the user consent: run toolgrant connect google_sheets.",
				Takes:        []TokenKind{"google_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://accounts.google.com",
			AuthorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
			TokenEndpoint:         "https://oauth2.googleapis.com/token",
			RevocationEndpoint:    "https://oauth2.googleapis.com/revoke",
			ResourceMetadata:      "https://sheetsmcp.googleapis.com/.well-known/oauth-protected-resource/mcp/v1",
			Resource:              "https://sheetsmcp.googleapis.com/mcp/v1",
			Scopes: []string{
				"https://www.googleapis.com/auth/drive.readonly",
				"https://www.googleapis.com/auth/drive.file",
				"https://www.googleapis.com/auth/spreadsheets.readonly",
				"https://www.googleapis.com/auth/spreadsheets",
			},
			DefaultScopes:       []string{"https://www.googleapis.com/auth/spreadsheets.readonly"},
			AuthorizationParams: map[string]string{"access_type": "offline", "prompt": "consent"},
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
			"Developer Preview: the Cloud project must be in the Google Workspace Developer Preview Program; a consumer account got 403 when data was asked for (public note of 2026-07-23).",
		},
		Docs: []string{
			"https://developers.google.com/workspace/guides/configure-mcp-servers",
			"https://docs.cloud.google.com/mcp/overview",
		},
		Source: Source{URL: "https://developers.google.com/workspace/guides/configure-mcp-servers", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "google_slides",
		Name:        "Google Slides",
		Vendor:      "Google",
		Description: "Google Slides: presentations.",
		Server:      Server{URL: "https://slidesmcp.googleapis.com/mcp/v1"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth client of Google Cloud",
				Obtain:       "Make an OAuth client of the type Web application in Google Cloud, turn the API and its MCP server on, and let the user consent: run toolgrant connect google_slides.",
				Takes:        []TokenKind{"google_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://accounts.google.com",
			AuthorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
			TokenEndpoint:         "https://oauth2.googleapis.com/token",
			RevocationEndpoint:    "https://oauth2.googleapis.com/revoke",
			ResourceMetadata:      "https://slidesmcp.googleapis.com/.well-known/oauth-protected-resource/mcp/v1",
			Resource:              "https://slidesmcp.googleapis.com/mcp/v1",
			Scopes: []string{
				"https://www.googleapis.com/auth/presentations",
				"https://www.googleapis.com/auth/presentations.readonly",
				"https://www.googleapis.com/auth/drive", "https://www.googleapis.com/auth/drive.file",
			},
			DefaultScopes:       []string{"https://www.googleapis.com/auth/presentations.readonly"},
			AuthorizationParams: map[string]string{"access_type": "offline", "prompt": "consent"},
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
			"Developer Preview: the Cloud project must be in the Google Workspace Developer Preview Program; a consumer account got 403 when data was asked for (public note of 2026-07-23).",
		},
		Docs: []string{
			"https://developers.google.com/workspace/guides/configure-mcp-servers",
			"https://docs.cloud.google.com/mcp/overview",
		},
		Source: Source{URL: "https://developers.google.com/workspace/guides/configure-mcp-servers", Date: "2026-09-30", Confidence: "high"},
	},
}

// GoogleDocs is Google's MCP server for Docs.
func GoogleDocs() Provider { return record("google_docs") }

// GoogleDrive is Google's MCP server for Drive.
func GoogleDrive() Provider { return record("google_drive") }

// GoogleSheets is Google's MCP server for Sheets.
func GoogleSheets() Provider { return record("google_sheets") }

// GoogleSlides is Google's MCP server for Slides.
func GoogleSlides() Provider { return record("google_slides") }

package providers

import "time"

// googleFamily is the family of Google's servers for people and what they say to each other.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var googleFamily = []Provider{
	{
		ID:          "google_calendar",
		Name:        "Google Calendar",
		Vendor:      "Google",
		Description: "Google Calendar: calendars, events and free time.",
		Server:      Server{URL: "https://calendarmcp.googleapis.com/mcp/v1"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth client of Google Cloud",
				Obtain:       "Make an OAuth client of the type Web application in Google Cloud, turn the API and its MCP server on, and let the user consent: run toolgrant connect google_calendar.",
				Takes:        []TokenKind{"google_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://accounts.google.com",
			AuthorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
			TokenEndpoint:         "https://oauth2.googleapis.com/token",
			RevocationEndpoint:    "https://oauth2.googleapis.com/revoke",
			ResourceMetadata:      "https://calendarmcp.googleapis.com/.well-known/oauth-protected-resource/mcp/v1",
			Resource:              "https://calendarmcp.googleapis.com/mcp/v1",
			Scopes: []string{
				"https://www.googleapis.com/auth/calendar.calendarlist.readonly",
				"https://www.googleapis.com/auth/calendar.events.freebusy",
				"https://www.googleapis.com/auth/calendar.events.readonly",
			},
			DefaultScopes: []string{
				"https://www.googleapis.com/auth/calendar.calendarlist.readonly",
				"https://www.googleapis.com/auth/calendar.events.freebusy",
				"https://www.googleapis.com/auth/calendar.events.readonly",
			},
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
		ID:          "google_chat",
		Name:        "Google Chat",
		Vendor:      "Google",
		Description: "Google Chat: spaces and messages.",
		Server:      Server{URL: "https://chatmcp.googleapis.com/mcp/v1"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth client of Google Cloud",
				Obtain:       "Make an OAuth client of the type Web application in Google Cloud, turn the API and its MCP server on, and let the user consent: run toolgrant connect google_chat.",
				Takes:        []TokenKind{"google_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://accounts.google.com",
			AuthorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
			TokenEndpoint:         "https://oauth2.googleapis.com/token",
			RevocationEndpoint:    "https://oauth2.googleapis.com/revoke",
			Resource:              "https://chatmcp.googleapis.com/mcp/v1",
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
			"Developer Preview: the Cloud project must be in the Google Workspace Developer Preview Program; a consumer account got 403 when data was asked for (public note of 2026-07-23).",
		},
		Docs: []string{
			"https://developers.google.com/workspace/guides/configure-mcp-servers",
			"https://docs.cloud.google.com/mcp/overview",
		},
		Source: Source{URL: "https://developers.google.com/workspace/guides/configure-mcp-servers", Date: "2026-09-30", Confidence: "low"},
	},
	{
		ID:          "google_gmail",
		Name:        "Gmail",
		Vendor:      "Google",
		Description: "Gmail: reading mail and writing drafts.",
		Server:      Server{URL: "https://gmailmcp.googleapis.com/mcp/v1"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth client of Google Cloud",
				Obtain:       "Make an OAuth client of the type Web application in Google Cloud, turn the API and its MCP server on, and let the user consent: run toolgrant connect google_gmail.",
				Takes:        []TokenKind{"google_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://accounts.google.com",
			AuthorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
			TokenEndpoint:         "https://oauth2.googleapis.com/token",
			RevocationEndpoint:    "https://oauth2.googleapis.com/revoke",
			ResourceMetadata:      "https://gmailmcp.googleapis.com/.well-known/oauth-protected-resource/mcp/v1",
			Resource:              "https://gmailmcp.googleapis.com/mcp/v1",
			Scopes: []string{
				"https://www.googleapis.com/auth/gmail.readonly",
				"https://www.googleapis.com/auth/gmail.compose",
			},
			DefaultScopes:       []string{"https://www.googleapis.com/auth/gmail.readonly"},
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
			"The APIs gmail.googleapis.com and gmailmcp.googleapis.com must be on.",
		},
		Docs: []string{
			"https://developers.google.com/workspace/guides/configure-mcp-servers",
			"https://docs.cloud.google.com/mcp/overview",
		},
		Source: Source{URL: "https://developers.google.com/workspace/guides/configure-mcp-servers", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "google_people",
		Name:        "Google People",
		Vendor:      "Google",
		Description: "Google People: contacts and profiles.",
		Server:      Server{URL: "https://people.googleapis.com/mcp/v1"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth client of Google Cloud",
				Obtain:       "Make an OAuth client of the type Web application in Google Cloud, turn the API and its MCP server on, and let the user consent: run toolgrant connect google_people.",
				Takes:        []TokenKind{"google_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://accounts.google.com",
			AuthorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
			TokenEndpoint:         "https://oauth2.googleapis.com/token",
			RevocationEndpoint:    "https://oauth2.googleapis.com/revoke",
			ResourceMetadata:      "https://people.googleapis.com/.well-known/oauth-protected-resource/mcp/v1",
			Resource:              "https://people.googleapis.com/mcp/v1",
			Scopes: []string{
				"https://www.googleapis.com/auth/directory.readonly",
				"https://www.googleapis.com/auth/userinfo.profile",
				"https://www.googleapis.com/auth/contacts.readonly",
			},
			DefaultScopes: []string{
				"https://www.googleapis.com/auth/contacts.readonly",
				"https://www.googleapis.com/auth/directory.readonly",
				"https://www.googleapis.com/auth/userinfo.profile",
			},
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

// GoogleCalendar is Google's MCP server for Calendar.
func GoogleCalendar() Provider { return record("google_calendar") }

// GoogleChat is Google's MCP server for Chat.
func GoogleChat() Provider { return record("google_chat") }

// GoogleGmail is Google's MCP server for Gmail.
func GoogleGmail() Provider { return record("google_gmail") }

// GooglePeople is Google's MCP server for People.
func GooglePeople() Provider { return record("google_people") }

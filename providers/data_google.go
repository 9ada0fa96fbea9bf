package providers

import "time"

// googleFamily is the family of Google's servers.
//

var googleFamily = []Provider{
	googleCloud(Provider{
		ID:          "google_bigquery",
		Name:        "BigQuery",
		Description: "BigQuery: datasets, tables and queries.",
		Server:      Server{URL: "https://bigquery.googleapis.com/mcp"},
		OAuth: OAuth{
			ResourceMetadata: "https://bigquery.googleapis.com/.well-known/oauth-protected-resource/mcp",
			Scopes:           []string{"https://www.googleapis.com/auth/bigquery"},
			DefaultScopes:    []string{"https://www.googleapis.com/auth/bigquery"},
		},
		Quirks: []string{"The roles BigQuery Job User and BigQuery Data Viewer are needed too."},
	}),
	googleWorkspace(Provider{
		ID:          "google_calendar",
		Name:        "Google Calendar",
		Description: "Google Calendar: calendars, events and free time.",
		Server:      Server{URL: "https://calendarmcp.googleapis.com/mcp/v1"},
		OAuth: OAuth{
			ResourceMetadata: "https://calendarmcp.googleapis.com/.well-known/oauth-protected-resource/mcp/v1",
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
		},
	}, "high"),
	googleWorkspace(Provider{
		ID:          "google_chat",
		Name:        "Google Chat",
		Description: "Google Chat: spaces and messages.",
		Server:      Server{URL: "https://chatmcp.googleapis.com/mcp/v1"},
	}, "low"),
	googleCloud(Provider{
		ID:          "google_compute",
		Name:        "Compute Engine",
		Description: "Compute Engine: instances and disks.",
		Server:      Server{URL: "https://compute.googleapis.com/mcp"},
		OAuth: OAuth{
			ResourceMetadata: "https://compute.googleapis.com/.well-known/oauth-protected-resource/mcp",
			Scopes:           []string{"https://www.googleapis.com/auth/compute"},
			DefaultScopes:    []string{"https://www.googleapis.com/auth/compute"},
		},
		Quirks: []string{"Metadata without /mcp at the end of its path returns 404."},
	}),
	googleWorkspace(Provider{
		ID:          "google_docs",
		Name:        "Google Docs",
		Description: "Google Docs: documents.",
		Server:      Server{URL: "https://docsmcp.googleapis.com/mcp/v1"},
		OAuth: OAuth{
			ResourceMetadata: "https://docsmcp.googleapis.com/.well-known/oauth-protected-resource/mcp/v1",
			Scopes: []string{
				"https://www.googleapis.com/auth/drive.readonly",
				"https://www.googleapis.com/auth/drive.file",
				"https://www.googleapis.com/auth/documents.readonly",
				"https://www.googleapis.com/auth/documents",
			},
			DefaultScopes: []string{"https://www.googleapis.com/auth/documents.readonly"},
		},
		Quirks: []string{"The set-up page and the live metadata disagree about drive.file and drive."},
	}, "high"),
	googleWorkspace(Provider{
		ID:          "google_drive",
		Name:        "Google Drive",
		Description: "Google Drive: finding and reading files.",
		Server:      Server{URL: "https://drivemcp.googleapis.com/mcp/v1"},
		OAuth: OAuth{
			ResourceMetadata: "https://drivemcp.googleapis.com/.well-known/oauth-protected-resource/mcp/v1",
			Scopes:           []string{"https://www.googleapis.com/auth/drive.readonly", "https://www.googleapis.com/auth/drive.file"},
			DefaultScopes:    []string{"https://www.googleapis.com/auth/drive.readonly"},
		},
	}, "high"),
	googleWorkspace(Provider{
		ID:          "google_gmail",
		Name:        "Gmail",
		Description: "Gmail: reading mail and writing drafts.",
		Server:      Server{URL: "https://gmailmcp.googleapis.com/mcp/v1"},
		OAuth: OAuth{
			ResourceMetadata: "https://gmailmcp.googleapis.com/.well-known/oauth-protected-resource/mcp/v1",
			Scopes:           []string{"https://www.googleapis.com/auth/gmail.readonly", "https://www.googleapis.com/auth/gmail.compose"},
			DefaultScopes:    []string{"https://www.googleapis.com/auth/gmail.readonly"},
		},
		Quirks: []string{
			"The APIs gmail.googleapis.com and gmailmcp.googleapis.com must be on.",
			"No tool sends mail.",
		},
	}, "high"),
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
				Obtain: "An API key of Google Cloud.",
				Carry:  []Carry{{Header: "X-Goog-Api-Key"}},
				Takes:  []TokenKind{"google_api_key"},
			},
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth client of Google Cloud",
				Obtain:       "Make an OAuth client in Google Cloud and let the user consent: run toolgrant connect google_maps.",
				Takes:        []TokenKind{"google_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: googleOAuth(OAuth{
			RevocationEndpoint: googleRevocation,
			Scopes:             []string{"https://www.googleapis.com/auth/maps-platform.mapstools"},
			DefaultScopes:      []string{"https://www.googleapis.com/auth/maps-platform.mapstools"},
			Source:             Source{URL: "https://accounts.google.com/.well-known/openid-configuration", Date: "2026-11-28", Confidence: "low"},
		}),
		Hazards: []string{
			"The key travels in its own header, which OpenAI's authorization field can't carry.",
		},
		Quirks: []string{
			"The scope cloud-platform is not enough: OAuth needs maps-platform.mapstools.",
		},
		Docs:   []string{"https://developers.google.com/maps/ai/mcp"},
		Source: Source{URL: "https://developers.google.com/maps/ai/mcp", Date: "2026-11-28", Confidence: "high"},
	},
	googleWorkspace(Provider{
		ID:          "google_people",
		Name:        "Google People",
		Description: "Google People: contacts and profiles.",
		Server:      Server{URL: "https://people.googleapis.com/mcp/v1"},
		OAuth: OAuth{
			ResourceMetadata: "https://people.googleapis.com/.well-known/oauth-protected-resource/mcp/v1",
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
		},
	}, "high"),
	googleWorkspace(Provider{
		ID:          "google_sheets",
		Name:        "Google Sheets",
		Description: "Google Sheets: spreadsheets.",
		Server:      Server{URL: "https://sheetsmcp.googleapis.com/mcp/v1"},
		OAuth: OAuth{
			ResourceMetadata: "https://sheetsmcp.googleapis.com/.well-known/oauth-protected-resource/mcp/v1",
			Scopes: []string{
				"https://www.googleapis.com/auth/drive.readonly",
				"https://www.googleapis.com/auth/drive.file",
				"https://www.googleapis.com/auth/spreadsheets.readonly",
				"https://www.googleapis.com/auth/spreadsheets",
			},
			DefaultScopes: []string{"https://www.googleapis.com/auth/spreadsheets.readonly"},
		},
	}, "high"),
	googleWorkspace(Provider{
		ID:          "google_slides",
		Name:        "Google Slides",
		Description: "Google Slides: presentations.",
		Server:      Server{URL: "https://slidesmcp.googleapis.com/mcp/v1"},
		OAuth: OAuth{
			ResourceMetadata: "https://slidesmcp.googleapis.com/.well-known/oauth-protected-resource/mcp/v1",
			Scopes: []string{
				"https://www.googleapis.com/auth/presentations",
				"https://www.googleapis.com/auth/presentations.readonly",
				"https://www.googleapis.com/auth/drive", "https://www.googleapis.com/auth/drive.file",
			},
			DefaultScopes: []string{"https://www.googleapis.com/auth/presentations.readonly"},
		},
	}, "high"),
}

const (
	googleRevocation = "https://oauth2.googleapis.com/revoke"
	googleGuide      = "https://developers.google.com/workspace/guides/configure-mcp-servers"
	googleFormat     = "An access token begins with ya29. and is opaque."
	googleTokenInfo  = "Google's tokeninfo (https://oauth2.googleapis.com/tokeninfo) reports whether a token is valid, and its scopes."
)

// googleOAuth completes o with Google's authorization server.
//

func googleOAuth(o OAuth) OAuth {
	o.Issuer = "https://accounts.google.com"
	o.AuthorizationEndpoint = "https://accounts.google.com/o/oauth2/v2/auth"
	o.TokenEndpoint = "https://oauth2.googleapis.com/token"
	o.AuthorizationParams = map[string]string{"access_type": "offline", "prompt": "consent"}
	return o
}

// googleServer completes p with what Google's MCP servers have in common.
func googleServer(p Provider) Provider {
	p.Vendor, p.Transport = "Google", TransportHTTP
	p.Ways = []Way{{
		ID:           "oauth",
		Kind:         WayOAuth,
		Name:         "OAuth client of Google Cloud",
		Obtain:       "Make an OAuth client of the type Web application in Google Cloud, turn the API and its MCP server on, and let the user consent: run toolgrant connect " + p.ID + ".",
		Takes:        []TokenKind{"google_access"},
		Registration: RegistrationManual,
	}}
	p.OAuth = googleOAuth(p.OAuth)
	p.OAuth.RevocationEndpoint, p.OAuth.Resource = googleRevocation, p.Server.URL
	p.Tokens = Tokens{TTL: time.Hour, Refresh: Yes, Rotates: No, Format: googleFormat}
	p.RESTToken = Yes
	p.Wrong = []Wrong{{Kind: "google_api_key", Why: "This server takes OAuth access tokens."}}
	p.Check = Check{Anonymous: true, Note: googleTokenInfo}
	p.Hazards = []string{
		"Anyone may initialize and list the tools: a bad token shows only when a tool is called.",
		hourHazard,
	}
	p.Quirks = append([]string{
		"There is neither dynamic registration nor a client ID metadata document; ordinary Google OAuth tokens with the right scope are taken.",
		"Without access_type=offline and prompt=consent there is no refresh token; that of an External app in Testing expires after 7 days.",
		"The user who connects needs the IAM role roles/mcp.toolUser (MCP Tool User) on the project.",
	}, p.Quirks...)
	p.Docs = []string{googleGuide, "https://docs.cloud.google.com/mcp/overview"}
	return p
}

// googleCloud completes p as a server of Google Cloud.
func googleCloud(p Provider) Provider {
	p.Source = Source{URL: googleGuide, Date: "2026-08-20", Confidence: "high"}
	return googleServer(p)
}

// googleWorkspace completes p as a server of Google Workspace.
func googleWorkspace(p Provider, confidence string) Provider {
	p.Source = Source{URL: googleGuide, Date: "2026-09-30", Confidence: confidence}
	p.Quirks = append([]string{
		"Developer Preview: the Cloud project must be in the Google Workspace Developer Preview Program. Without it tool calls were refused on 2026-09-12 with tokens that the REST API took, and a consumer account got 403 (2026-07-23).",
	}, p.Quirks...)
	return googleServer(p)
}

// GoogleBigQuery is Google's MCP server for BigQuery.
func GoogleBigQuery() Provider { return record("google_bigquery") }

// GoogleCalendar is Google's MCP server for Calendar.
func GoogleCalendar() Provider { return record("google_calendar") }

// GoogleChat is Google's MCP server for Chat.
func GoogleChat() Provider { return record("google_chat") }

// GoogleCompute is Google's MCP server for Compute Engine.
func GoogleCompute() Provider { return record("google_compute") }

// GoogleDocs is Google's MCP server for Docs.
func GoogleDocs() Provider { return record("google_docs") }

// GoogleDrive is Google's MCP server for Drive.
func GoogleDrive() Provider { return record("google_drive") }

// GoogleGmail is Google's MCP server for Gmail.
func GoogleGmail() Provider { return record("google_gmail") }

// GoogleMaps is Google's MCP server for grounding in Maps.
func GoogleMaps() Provider { return record("google_maps") }

// GooglePeople is Google's MCP server for People.
func GooglePeople() Provider { return record("google_people") }

// GoogleSheets is Google's MCP server for Sheets.
func GoogleSheets() Provider { return record("google_sheets") }

// GoogleSlides is Google's MCP server for Slides.
func GoogleSlides() Provider { return record("google_slides") }

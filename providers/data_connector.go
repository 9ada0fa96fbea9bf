package providers

// connectorFamily is the family of OpenAI's connectors, as of the guide to connectors and MCP servers.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var connectorFamily = []Provider{
	{
		ID:          "connector_dropbox",
		Name:        "OpenAI connector: Dropbox",
		Vendor:      "OpenAI",
		Description: "Dropbox: files of the user.",
		Server:      Server{Connector: "connector_dropbox"},
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth app of Dropbox",
				Obtain:       "Make an app in the Dropbox App Console and let the user consent: run toolgrant connect connector_dropbox.",
				Takes:        []TokenKind{"dropbox_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://www.dropbox.com",
			AuthorizationEndpoint: "https://www.dropbox.com/oauth2/authorize",
			TokenEndpoint:         "https://api.dropboxapi.com/oauth2/token",
			Scopes:                []string{"account_info.read", "files.metadata.read", "files.content.read"},
			DefaultScopes:         []string{"account_info.read", "files.metadata.read", "files.content.read"},
			AuthorizationParams:   map[string]string{"token_access_type": "offline"},
		},
		Tokens: Tokens{
			Refresh: Yes,
			Format:  "An access token begins with sl.",
		},
		RESTToken: Yes,
		Hazards: []string{
			"The field connector_id is deprecated for models released after 2026-09-01: those need a server_url or a tunnel_id.",
		},
		Quirks: []string{
			"The entry carries connector_id in place of server_url. OpenAI does no OAuth here: the token is one of the vendor's REST API, for your own OAuth client.",
			"The token is not stored: it is sent with every request.",
			"The tools search, search_files and list_recent_files need files.metadata.read and account_info.read; fetch needs files.content.read; fetch_file files.content.read and account_info.read; get_profile account_info.read.",
		},
		Docs: []string{
			"https://platform.openai.com/docs/guides/tools-connectors-mcp",
			"https://developers.openai.com/api/docs/guides/tools-connectors-mcp",
		},
		Source: Source{URL: "https://platform.openai.com/docs/guides/tools-connectors-mcp", Date: "2026-09", Confidence: "high"},
	},
	{
		ID:          "connector_gmail",
		Name:        "OpenAI connector: Gmail",
		Vendor:      "OpenAI",
		Description: "Gmail: mail of the user.",
		Server:      Server{Connector: "connector_gmail"},
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth client of Google Cloud",
				Obtain:       "Make an OAuth client of the type Web application in Google Cloud and let the user consent: run toolgrant connect connector_gmail.",
				Takes:        []TokenKind{"google_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://accounts.google.com",
			AuthorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
			TokenEndpoint:         "https://oauth2.googleapis.com/token",
			Scopes: []string{
				"https://www.googleapis.com/auth/gmail.modify",
				"https://www.googleapis.com/auth/userinfo.email",
				"https://www.googleapis.com/auth/userinfo.profile",
			},
			DefaultScopes: []string{
				"https://www.googleapis.com/auth/gmail.modify",
				"https://www.googleapis.com/auth/userinfo.email",
				"https://www.googleapis.com/auth/userinfo.profile",
			},
			AuthorizationParams: map[string]string{"access_type": "offline", "prompt": "consent"},
		},
		Tokens: Tokens{
			Refresh: Yes,
			Format:  "An access token begins with ya29. and is opaque.",
		},
		RESTToken: Yes,
		Check: Check{
			Note: "Google's tokeninfo (https://oauth2.googleapis.com/tokeninfo) tells whether a token lives, and its scopes.",
		},
		Hazards: []string{
			"The field connector_id is deprecated for models released after 2026-09-01: those need a server_url or a tunnel_id.",
		},
		Quirks: []string{
			"The entry carries connector_id in place of server_url. OpenAI does no OAuth here: the token is one of the vendor's REST API, for your own OAuth client.",
			"The token is not stored: it is sent with every request.",
			"All tools for mail need gmail.modify, though they only read; get_profile needs userinfo.email and userinfo.profile.",
		},
		Docs: []string{
			"https://platform.openai.com/docs/guides/tools-connectors-mcp",
			"https://developers.openai.com/api/docs/guides/tools-connectors-mcp",
		},
		Source: Source{URL: "https://platform.openai.com/docs/guides/tools-connectors-mcp", Date: "2026-09", Confidence: "high"},
	},
	{
		ID:          "connector_googlecalendar",
		Name:        "OpenAI connector: Google Calendar",
		Vendor:      "OpenAI",
		Description: "Google Calendar: events of the user.",
		Server:      Server{Connector: "connector_googlecalendar"},
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth client of Google Cloud",
				Obtain:       "Make an OAuth client of the type Web application in Google Cloud and let the user consent: run toolgrant connect connector_googlecalendar.",
				Takes:        []TokenKind{"google_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://accounts.google.com",
			AuthorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
			TokenEndpoint:         "https://oauth2.googleapis.com/token",
			Scopes: []string{
				"https://www.googleapis.com/auth/calendar.events",
				"https://www.googleapis.com/auth/userinfo.email",
				"https://www.googleapis.com/auth/userinfo.profile",
			},
			DefaultScopes: []string{
				"https://www.googleapis.com/auth/calendar.events",
				"https://www.googleapis.com/auth/userinfo.email",
				"https://www.googleapis.com/auth/userinfo.profile",
			},
			AuthorizationParams: map[string]string{"access_type": "offline", "prompt": "consent"},
		},
		Tokens: Tokens{
			Refresh: Yes,
			Format:  "An access token begins with ya29. and is opaque.",
		},
		RESTToken: Yes,
		Check: Check{
			Note: "Google's tokeninfo (https://oauth2.googleapis.com/tokeninfo) tells whether a token lives, and its scopes.",
		},
		Hazards: []string{
			"The field connector_id is deprecated for models released after 2026-09-01: those need a server_url or a tunnel_id.",
		},
		Quirks: []string{
			"The entry carries connector_id in place of server_url. OpenAI does no OAuth here: the token is one of the vendor's REST API, for your own OAuth client.",
			"The token is not stored: it is sent with every request.",
			"The tools search, fetch, search_events and read_event need calendar.events; get_profile needs userinfo.email and userinfo.profile.",
		},
		Docs: []string{
			"https://platform.openai.com/docs/guides/tools-connectors-mcp",
			"https://developers.openai.com/api/docs/guides/tools-connectors-mcp",
		},
		Source: Source{URL: "https://platform.openai.com/docs/guides/tools-connectors-mcp", Date: "2026-09", Confidence: "high"},
	},
	{
		ID:          "connector_googledrive",
		Name:        "OpenAI connector: Google Drive",
		Vendor:      "OpenAI",
		Description: "Google Drive: files of the user.",
		Server:      Server{Connector: "connector_googledrive"},
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth client of Google Cloud",
				Obtain:       "Make an OAuth client of the type Web application in Google Cloud and let the user consent: run toolgrant connect connector_googledrive.",
				Takes:        []TokenKind{"google_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://accounts.google.com",
			AuthorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
			TokenEndpoint:         "https://oauth2.googleapis.com/token",
			Scopes: []string{
				"https://www.googleapis.com/auth/drive.readonly",
				"https://www.googleapis.com/auth/userinfo.email",
				"https://www.googleapis.com/auth/userinfo.profile",
			},
			DefaultScopes: []string{
				"https://www.googleapis.com/auth/drive.readonly",
				"https://www.googleapis.com/auth/userinfo.email",
				"https://www.googleapis.com/auth/userinfo.profile",
			},
			AuthorizationParams: map[string]string{"access_type": "offline", "prompt": "consent"},
		},
		Tokens: Tokens{
			Refresh: Yes,
			Format:  "An access token begins with ya29. and is opaque.",
		},
		RESTToken: Yes,
		Check: Check{
			Note: "Google's tokeninfo (https://oauth2.googleapis.com/tokeninfo) tells whether a token lives, and its scopes.",
		},
		Hazards: []string{
			"The field connector_id is deprecated for models released after 2026-09-01: those need a server_url or a tunnel_id.",
		},
		Quirks: []string{
			"The entry carries connector_id in place of server_url. OpenAI does no OAuth here: the token is one of the vendor's REST API, for your own OAuth client.",
			"The token is not stored: it is sent with every request.",
			"The tools list_drives, search, recent_documents and fetch need drive.readonly; get_profile needs userinfo.email and userinfo.profile.",
		},
		Docs: []string{
			"https://platform.openai.com/docs/guides/tools-connectors-mcp",
			"https://developers.openai.com/api/docs/guides/tools-connectors-mcp",
		},
		Source: Source{URL: "https://platform.openai.com/docs/guides/tools-connectors-mcp", Date: "2026-09", Confidence: "high"},
	},
	{
		ID:          "connector_microsoftteams",
		Name:        "OpenAI connector: Microsoft Teams",
		Vendor:      "OpenAI",
		Description: "Microsoft Teams: chats and channels of the user.",
		Server: Server{
			Connector: "connector_microsoftteams",
			Params: []Param{
				{Name: "tenant_id", Pattern: "[0-9A-Za-z.-]+", Example: "00000000-0000-4000-8000-000000000000", Doc: "id or domain of the Entra tenant, or organizations"},
			},
		},
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "Entra app",
				Obtain:       "Register an app in Entra by hand and let the user consent: run toolgrant connect connector_microsoftteams.",
				Takes:        []TokenKind{"microsoft_jwt"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://login.microsoftonline.com/{tenant_id}/v2.0",
			AuthorizationEndpoint: "https://login.microsoftonline.com/{tenant_id}/oauth2/v2.0/authorize",
			TokenEndpoint:         "https://login.microsoftonline.com/{tenant_id}/oauth2/v2.0/token",
			Scopes:                []string{"Chat.Read", "ChannelMessage.Read.All", "User.Read"},
			DefaultScopes:         []string{"Chat.Read", "ChannelMessage.Read.All", "User.Read"},
		},
		Tokens: Tokens{
			Refresh: Yes,
			Format:  "JWT of Entra, or opaque.",
		},
		RESTToken: Yes,
		Hazards: []string{
			"The field connector_id is deprecated for models released after 2026-09-01: those need a server_url or a tunnel_id.",
		},
		Quirks: []string{
			"The entry carries connector_id in place of server_url. OpenAI does no OAuth here: the token is one of the vendor's REST API, for your own OAuth client.",
			"The token is not stored: it is sent with every request.",
			"The tools search and fetch need Chat.Read and ChannelMessage.Read.All; get_chat_members needs Chat.Read; get_profile User.Read.",
			"The guide's list of scopes leaves out offline_access: ask Entra for it, else there is no refresh token.",
		},
		Docs: []string{
			"https://platform.openai.com/docs/guides/tools-connectors-mcp",
			"https://developers.openai.com/api/docs/guides/tools-connectors-mcp",
		},
		Source: Source{URL: "https://platform.openai.com/docs/guides/tools-connectors-mcp", Date: "2026-09", Confidence: "high"},
	},
	{
		ID:          "connector_outlookcalendar",
		Name:        "OpenAI connector: Outlook Calendar",
		Vendor:      "OpenAI",
		Description: "Outlook Calendar: events of the user.",
		Server: Server{
			Connector: "connector_outlookcalendar",
			Params: []Param{
				{Name: "tenant_id", Pattern: "[0-9A-Za-z.-]+", Example: "00000000-0000-4000-8000-000000000000", Doc: "id or domain of the Entra tenant, or organizations"},
			},
		},
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "Entra app",
				Obtain:       "Register an app in Entra by hand and let the user consent: run toolgrant connect connector_outlookcalendar.",
				Takes:        []TokenKind{"microsoft_jwt"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://login.microsoftonline.com/{tenant_id}/v2.0",
			AuthorizationEndpoint: "https://login.microsoftonline.com/{tenant_id}/oauth2/v2.0/authorize",
			TokenEndpoint:         "https://login.microsoftonline.com/{tenant_id}/oauth2/v2.0/token",
			Scopes:                []string{"Calendars.Read", "User.Read"},
			DefaultScopes:         []string{"Calendars.Read", "User.Read"},
		},
		Tokens: Tokens{
			Refresh: Yes,
			Format:  "JWT of Entra, or opaque.",
		},
		RESTToken: Yes,
		Hazards: []string{
			"The field connector_id is deprecated for models released after 2026-09-01: those need a server_url or a tunnel_id.",
		},
		Quirks: []string{
			"The entry carries connector_id in place of server_url. OpenAI does no OAuth here: the token is one of the vendor's REST API, for your own OAuth client.",
			"The token is not stored: it is sent with every request.",
			"The tools search_events, fetch_event, fetch_events_batch and list_events need Calendars.Read; get_profile needs User.Read.",
			"The guide's list of scopes leaves out offline_access: ask Entra for it, else there is no refresh token.",
		},
		Docs: []string{
			"https://platform.openai.com/docs/guides/tools-connectors-mcp",
			"https://developers.openai.com/api/docs/guides/tools-connectors-mcp",
		},
		Source: Source{URL: "https://platform.openai.com/docs/guides/tools-connectors-mcp", Date: "2026-09", Confidence: "high"},
	},
	{
		ID:          "connector_outlookemail",
		Name:        "OpenAI connector: Outlook Email",
		Vendor:      "OpenAI",
		Description: "Outlook: mail of the user.",
		Server: Server{
			Connector: "connector_outlookemail",
			Params: []Param{
				{Name: "tenant_id", Pattern: "[0-9A-Za-z.-]+", Example: "00000000-0000-4000-8000-000000000000", Doc: "id or domain of the Entra tenant, or organizations"},
			},
		},
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "Entra app",
				Obtain:       "Register an app in Entra by hand and let the user consent: run toolgrant connect connector_outlookemail.",
				Takes:        []TokenKind{"microsoft_jwt"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://login.microsoftonline.com/{tenant_id}/v2.0",
			AuthorizationEndpoint: "https://login.microsoftonline.com/{tenant_id}/oauth2/v2.0/authorize",
			TokenEndpoint:         "https://login.microsoftonline.com/{tenant_id}/oauth2/v2.0/token",
			Scopes:                []string{"Mail.Read", "User.Read"},
			DefaultScopes:         []string{"Mail.Read", "User.Read"},
		},
		Tokens: Tokens{
			Refresh: Yes,
			Format:  "JWT of Entra, or opaque.",
		},
		RESTToken: Yes,
		Hazards: []string{
			"The field connector_id is deprecated for models released after 2026-09-01: those need a server_url or a tunnel_id.",
		},
		Quirks: []string{
			"The entry carries connector_id in place of server_url. OpenAI does no OAuth here: the token is one of the vendor's REST API, for your own OAuth client.",
			"The token is not stored: it is sent with every request.",
			"The tools list_messages, search_messages, get_recent_emails, fetch_message and fetch_messages_batch need Mail.Read; get_profile needs User.Read.",
			"The guide's list of scopes leaves out offline_access: ask Entra for it, else there is no refresh token.",
		},
		Docs: []string{
			"https://platform.openai.com/docs/guides/tools-connectors-mcp",
			"https://developers.openai.com/api/docs/guides/tools-connectors-mcp",
		},
		Source: Source{URL: "https://platform.openai.com/docs/guides/tools-connectors-mcp", Date: "2026-09", Confidence: "high"},
	},
	{
		ID:          "connector_sharepoint",
		Name:        "OpenAI connector: SharePoint",
		Vendor:      "OpenAI",
		Description: "SharePoint: sites and files of the user.",
		Server: Server{
			Connector: "connector_sharepoint",
			Params: []Param{
				{Name: "tenant_id", Pattern: "[0-9A-Za-z.-]+", Example: "00000000-0000-4000-8000-000000000000", Doc: "id or domain of the Entra tenant, or organizations"},
			},
		},
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "Entra app",
				Obtain:       "Register an app in Entra by hand and let the user consent: run toolgrant connect connector_sharepoint.",
				Takes:        []TokenKind{"microsoft_jwt"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://login.microsoftonline.com/{tenant_id}/v2.0",
			AuthorizationEndpoint: "https://login.microsoftonline.com/{tenant_id}/oauth2/v2.0/authorize",
			TokenEndpoint:         "https://login.microsoftonline.com/{tenant_id}/oauth2/v2.0/token",
			Scopes:                []string{"Sites.Read.All", "Files.Read.All", "User.Read"},
			DefaultScopes:         []string{"Sites.Read.All", "Files.Read.All", "User.Read"},
		},
		Tokens: Tokens{
			Refresh: Yes,
			Format:  "JWT of Entra, or opaque.",
		},
		RESTToken: Yes,
		Hazards: []string{
			"The field connector_id is deprecated for models released after 2026-09-01: those need a server_url or a tunnel_id.",
		},
		Quirks: []string{
			"The entry carries connector_id in place of server_url. OpenAI does no OAuth here: the token is one of the vendor's REST API, for your own OAuth client.",
			"The token is not stored: it is sent with every request.",
			"The tool get_site needs Sites.Read.All; search needs Sites.Read.All and Files.Read.All; list_recent_documents and fetch need Files.Read.All; get_profile needs User.Read.",
			"The guide's list of scopes leaves out offline_access: ask Entra for it, else there is no refresh token.",
		},
		Docs: []string{
			"https://platform.openai.com/docs/guides/tools-connectors-mcp",
			"https://developers.openai.com/api/docs/guides/tools-connectors-mcp",
		},
		Source: Source{URL: "https://platform.openai.com/docs/guides/tools-connectors-mcp", Date: "2026-09", Confidence: "high"},
	},
}

// ConnectorDropbox is OpenAI's connector for Dropbox. Connectors are deprecated for models
// released after 2026-09-01.
func ConnectorDropbox() Provider { return record("connector_dropbox") }

// ConnectorGmail is OpenAI's connector for Gmail. Connectors are deprecated for models
// released after 2026-09-01.
func ConnectorGmail() Provider { return record("connector_gmail") }

// ConnectorGoogleCalendar is OpenAI's connector for Google Calendar. Connectors are deprecated for models
// released after 2026-09-01.
func ConnectorGoogleCalendar() Provider { return record("connector_googlecalendar") }

// ConnectorGoogleDrive is OpenAI's connector for Google Drive. Connectors are deprecated for models
// released after 2026-09-01.
func ConnectorGoogleDrive() Provider { return record("connector_googledrive") }

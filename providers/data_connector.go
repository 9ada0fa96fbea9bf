package providers

// connectorFamily is the family of OpenAI's connectors, as of the guide to connectors and MCP servers.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var connectorFamily = []Provider{
	connector(Provider{
		ID:          "connector_dropbox",
		Name:        "OpenAI connector: Dropbox",
		Description: "Dropbox: files of the user.",
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
			AuthorizationParams:   map[string]string{"token_access_type": "offline"},
		},
		Tokens: Tokens{Format: "An access token begins with sl."},
		Quirks: []string{
			"The tools search, search_files and list_recent_files need files.metadata.read and account_info.read; fetch needs files.content.read; fetch_file files.content.read and account_info.read; get_profile account_info.read.",
		},
	}),
	googleConnector(Provider{
		ID:          "connector_gmail",
		Name:        "OpenAI connector: Gmail",
		Description: "Gmail: mail of the user.",
		OAuth:       OAuth{Scopes: []string{"https://www.googleapis.com/auth/gmail.modify"}},
		Quirks: []string{
			"All tools for mail need gmail.modify, though they only read; get_profile needs userinfo.email and userinfo.profile.",
		},
	}),
	googleConnector(Provider{
		ID:          "connector_googlecalendar",
		Name:        "OpenAI connector: Google Calendar",
		Description: "Google Calendar: events of the user.",
		OAuth:       OAuth{Scopes: []string{"https://www.googleapis.com/auth/calendar.events"}},
		Quirks: []string{
			"The tools search, fetch, search_events and read_event need calendar.events; get_profile needs userinfo.email and userinfo.profile.",
		},
	}),
	googleConnector(Provider{
		ID:          "connector_googledrive",
		Name:        "OpenAI connector: Google Drive",
		Description: "Google Drive: files of the user.",
		OAuth:       OAuth{Scopes: []string{"https://www.googleapis.com/auth/drive.readonly"}},
		Quirks: []string{
			"The tools list_drives, search, recent_documents and fetch need drive.readonly; get_profile needs userinfo.email and userinfo.profile.",
		},
	}),
	entraConnector(Provider{
		ID:          "connector_microsoftteams",
		Name:        "OpenAI connector: Microsoft Teams",
		Description: "Microsoft Teams: chats and channels of the user.",
		OAuth:       OAuth{Scopes: []string{"Chat.Read", "ChannelMessage.Read.All", "User.Read"}},
		Quirks: []string{
			"The tools search and fetch need Chat.Read and ChannelMessage.Read.All; get_chat_members needs Chat.Read; get_profile User.Read.",
		},
	}),
	entraConnector(Provider{
		ID:          "connector_outlookcalendar",
		Name:        "OpenAI connector: Outlook Calendar",
		Description: "Outlook Calendar: events of the user.",
		OAuth:       OAuth{Scopes: []string{"Calendars.Read", "User.Read"}},
		Quirks: []string{
			"The tools search_events, fetch_event, fetch_events_batch and list_events need Calendars.Read; get_profile needs User.Read.",
		},
	}),
	entraConnector(Provider{
		ID:          "connector_outlookemail",
		Name:        "OpenAI connector: Outlook Email",
		Description: "Outlook: mail of the user.",
		OAuth:       OAuth{Scopes: []string{"Mail.Read", "User.Read"}},
		Quirks: []string{
			"The tools list_messages, search_messages, get_recent_emails, fetch_message and fetch_messages_batch need Mail.Read; get_profile needs User.Read.",
		},
	}),
	entraConnector(Provider{
		ID:          "connector_sharepoint",
		Name:        "OpenAI connector: SharePoint",
		Description: "SharePoint: sites and files of the user.",
		OAuth:       OAuth{Scopes: []string{"Sites.Read.All", "Files.Read.All", "User.Read"}},
		Quirks: []string{
			"The tool get_site needs Sites.Read.All; search needs Sites.Read.All and Files.Read.All; list_recent_documents and fetch need Files.Read.All; get_profile needs User.Read.",
		},
	}),
}

// connector completes p with what OpenAI's connectors have in common.
func connector(p Provider) Provider {
	const guide = "https://platform.openai.com/docs/guides/tools-connectors-mcp"
	p.Vendor = "OpenAI"
	p.Server.Connector = p.ID
	p.OAuth.DefaultScopes = p.OAuth.Scopes
	p.Tokens.Refresh, p.RESTToken = Yes, Yes
	p.Hazards = []string{
		"The field connector_id is deprecated for models released after 2026-09-01: those need a server_url or a tunnel_id.",
	}
	p.Quirks = append([]string{
		"The entry carries connector_id in place of server_url. OpenAI does no OAuth here: the token is one of the vendor's REST API, for your own OAuth client.",
		"The token is not stored: it is sent with every request.",
	}, p.Quirks...)
	p.Docs = []string{guide, "https://developers.openai.com/api/docs/guides/tools-connectors-mcp"}
	p.Source = Source{URL: guide, Date: "2026-09", Confidence: "high"}
	return p
}

// googleConnector completes p as a connector for a service of Google.
func googleConnector(p Provider) Provider {
	p.Ways = []Way{{
		ID:           "oauth",
		Kind:         WayOAuth,
		Name:         "OAuth client of Google Cloud",
		Obtain:       "Make an OAuth client of the type Web application in Google Cloud and let the user consent: run toolgrant connect " + p.ID + ".",
		Takes:        []TokenKind{"google_access"},
		Registration: RegistrationManual,
	}}
	p.OAuth = googleOAuth(p.OAuth)
	p.OAuth.Scopes = append(p.OAuth.Scopes, "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/userinfo.profile")
	p.Tokens.Format = googleFormat
	p.Check.Note = googleTokenInfo
	return connector(p)
}

// entraConnector completes p as a connector for a service of Microsoft.
func entraConnector(p Provider) Provider {
	p.Server.Params = []Param{entraTenant}
	p.Ways = []Way{{
		ID:           "oauth",
		Kind:         WayOAuth,
		Name:         "Entra app",
		Obtain:       "Register an app in Entra by hand and let the user consent: run toolgrant connect " + p.ID + ".",
		Takes:        []TokenKind{"microsoft_jwt"},
		Registration: RegistrationManual,
	}}
	p.OAuth = entraOAuth(p.OAuth)
	p.Tokens.Format = "JWT of Entra, or opaque."
	p.Quirks = append(p.Quirks, "The guide's list of scopes leaves out offline_access: ask Entra for it, else there is no refresh token.")
	return connector(p)
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

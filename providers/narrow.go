package providers

import "strconv"

// The servers whose options narrow what they offer, by query parameters or by
// headers. GitHub's are in github.go.

// SupabaseOptions narrow what Supabase's server offers, in its URL.
type SupabaseOptions struct {
	// Project is the reference of the only project to offer. If empty, all of
	// the account.
	Project string
	// ReadOnly leaves out tools that write. If false, they are offered.
	ReadOnly bool
	// Features are the groups of tools, such as "database" and "docs". If nil,
	// Supabase's own choice.
	Features []string
}

// Supabase is Supabase's MCP server.
func Supabase(opts *SupabaseOptions) Provider {
	d := draft{record("supabase")}
	if opts == nil {
		return d.Provider
	}
	d.option("project_ref", opts.Project)
	d.optionFlag("read_only", opts.ReadOnly)
	d.option("features", d.list("features", opts.Features))
	return d.Provider
}

// NeonOptions narrow what Neon's server offers, in its URL.
type NeonOptions struct {
	// Project is the id of the only project to offer. If empty, all.
	Project string
	// ReadOnly leaves out tools that write, even if the token's scope allows them. If
	// false, they are offered.
	ReadOnly bool
	// Category is a group of tools. If empty, Neon's own choice.
	Category string
}

// Neon is Neon's MCP server.
func Neon(opts *NeonOptions) Provider {
	d := draft{record("neon")}
	if opts == nil {
		return d.Provider
	}
	d.optionFlag("readonly", opts.ReadOnly)
	d.option("projectId", opts.Project)
	d.option("category", opts.Category)
	return d.Provider
}

// SentryOptions narrow what Sentry's server offers, in its URL.
type SentryOptions struct {
	// Organization is the slug of the only organisation to offer. If empty, all
	// of the user.
	Organization string
	// Project is the slug of the only project to offer; it needs Organization.
	// If empty, all.
	Project string
	// Skills are the groups of tools to offer, such as "inspect" and "triage".
	// If nil, Sentry's own choice.
	Skills []string
	// DisableSkills are groups of tools to leave out, such as "seer". If nil,
	// none.
	DisableSkills []string
}

// Sentry is Sentry's MCP server. A builder puts tokens of Sentry's API in the
// entry's headers.
func Sentry(opts *SentryOptions) Provider {
	d := draft{record("sentry")}
	if opts == nil {
		return d.Provider
	}
	path := map[string]string{}
	if opts.Organization != "" {
		path["organization"] = opts.Organization
	}
	if opts.Project != "" {
		path["project"] = opts.Project
	}
	if len(path) > 0 {
		d.at(path)
	}
	d.option("skills", d.list("skills", opts.Skills))
	d.option("disable-skills", d.list("skills", opts.DisableSkills))
	return d.Provider
}

// DatadogOptions choose the Datadog site and narrow what its server offers.
type DatadogOptions struct {
	// Site is the Datadog site of the account: us3, us5, eu, ap1, ap2 or uk1. If
	// empty, us1.
	Site string
	// Toolsets are the groups of tools to offer. If nil, Datadog's own choice.
	Toolsets []string
}

// Datadog is Datadog's MCP server. A builder puts the two keys of a service in
// the entry's headers.
func Datadog(opts *DatadogOptions) Provider {
	d := draft{record("datadog")}
	if opts == nil {
		return d.Provider
	}
	if opts.Site != "" && opts.Site != "us1" {
		d.choose("site", opts.Site, map[string]string{
			"us3": "https://mcp.us3.datadoghq.com/v1/mcp", "us5": "https://mcp.us5.datadoghq.com/v1/mcp",
			"eu": "https://mcp.datadoghq.eu/v1/mcp", "uk1": "https://mcp.uk1.datadoghq.com/v1/mcp",
			"ap1": "https://mcp.ap1.datadoghq.com/v1/mcp", "ap2": "https://mcp.ap2.datadoghq.com/v1/mcp",
		})
	}
	d.sendList("X-Datadog-MCP-Toolsets", opts.Toolsets)
	return d.Provider
}

// PostHogOptions choose the region and narrow what PostHog's server offers.
type PostHogOptions struct {
	// EU is for projects in the EU. If false, the United States.
	EU bool
	// Organization is the id of the organisation to pin. If empty, the token's.
	Organization string
	// Project is the id of the project to pin. If empty, the token's.
	Project string
	// ReadOnly leaves out tools that write. If false, they are offered.
	ReadOnly bool
	// Features are the groups of tools to offer. If nil, PostHog's own choice.
	Features []string
}

// PostHog is PostHog's MCP server.
func PostHog(opts *PostHogOptions) Provider {
	d := draft{record("posthog")}
	if opts == nil {
		return d.Provider
	}
	if opts.EU {
		d.move("https://mcp-eu.posthog.com/mcp")
	}
	d.option("features", d.list("features", opts.Features))
	d.send("x-posthog-organization-id", opts.Organization)
	d.send("x-posthog-project-id", opts.Project)
	d.sendFlag("x-posthog-read-only", opts.ReadOnly)
	return d.Provider
}

// HuggingFaceOptions choose what Hugging Face's server offers, in its URL.
type HuggingFaceOptions struct {
	// Bouquet names a selection of tools. If empty, the user's own settings.
	Bouquet string
	// Mix names a selection of tools that is added to the user's own. If empty,
	// none.
	Mix string
}

// HuggingFace is Hugging Face's MCP server. It lists its tools for
// anyone, so an invalid token shows only when a tool is called.
func HuggingFace(opts *HuggingFaceOptions) Provider {
	d := draft{record("huggingface")}
	if opts == nil {
		return d.Provider
	}
	d.option("bouquet", opts.Bouquet)
	d.option("mix", opts.Mix)
	return d.Provider
}

// BuildkiteOptions choose one of Buildkite's URLs.
type BuildkiteOptions struct {
	// ReadOnly leaves out tools that write. If false, they are offered.
	ReadOnly bool
}

// Buildkite is Buildkite's MCP server for OAuth tokens. For API tokens, which
// work at another URL, use the provider's way:
//
//	direct, err := providers.Buildkite(nil).Using("api_token")
func Buildkite(opts *BuildkiteOptions) Provider {
	d := draft{record("buildkite")}
	if opts != nil && opts.ReadOnly {
		d.move("https://mcp.buildkite.com/mcp/readonly")
	}
	return d.Provider
}

// GrafanaCloud is the MCP server of Grafana Cloud, for the stack at that URL,
// such as https://example.grafana.net; "" lets the server choose.
func GrafanaCloud(stackURL string) Provider {
	d := draft{record("grafana_cloud")}
	if why := faultOfURL(stackURL); stackURL != "" && why != "" {
		d.faultf("the stack's URL: %s", why)
	}
	d.send("X-Grafana-URL", stackURL)
	return d.Provider
}

// PipedreamProject names a project of Pipedream Connect and one app. All parts
// are required.
type PipedreamProject struct {
	ID          string // proj_…
	Environment string // development or production
	App         string // slug of the app, such as notion
}

// Pipedream is Pipedream's MCP server for one app. Each entry must name the
// user in the header x-pd-external-user-id.
func Pipedream(project PipedreamProject) Provider {
	d := draft{record("pipedream")}
	if project.Environment != "development" && project.Environment != "production" {
		d.faultf("the environment must be development or production")
	}
	if !listItemRE.MatchString(project.ID) || !listItemRE.MatchString(project.App) {
		d.faultf("the project's id and the app must be of letters, digits, _ and -")
	}
	d.send("x-pd-project-id", project.ID)
	d.send("x-pd-environment", project.Environment)
	d.send("x-pd-app-slug", project.App)
	return d.Provider
}

// CloseOptions say what tools may do.
type CloseOptions struct {
	// Scope is mcp.read, mcp.write_safe or mcp.write_destructive. Close needs it
	// with an API key; with OAuth the token's own scopes count. If empty, none.
	Scope string
}

// Close is Close's MCP server.
func Close(opts *CloseOptions) Provider {
	d := draft{record("close")}
	if opts == nil {
		return d.Provider
	}
	d.send("Close-Scope", d.list("scopes", []string{opts.Scope}))
	return d.Provider
}

// KlaviyoOptions narrow what Klaviyo's server offers, in its URL.
type KlaviyoOptions struct {
	// ReadOnly leaves out tools that write. If false, they are offered.
	ReadOnly bool
	// CoreTools leaves out all but the core tools. If false, all are offered.
	CoreTools bool
}

// Klaviyo is Klaviyo's MCP server.
func Klaviyo(opts *KlaviyoOptions) Provider {
	d := draft{record("klaviyo")}
	if opts == nil {
		return d.Provider
	}
	d.optionFlag("read-only", opts.ReadOnly)
	d.optionFlag("core-tools-only", opts.CoreTools)
	return d.Provider
}

// MicrosoftLearnOptions choose what the documentation server answers.
type MicrosoftLearnOptions struct {
	// DeepResearch chooses the URL for OpenAI's Deep Research, with the tools
	// search and fetch. If false, the server's own URL.
	DeepResearch bool
	// MaxTokens bounds an answer, in tokens. If zero, the server's own bound.
	MaxTokens int
}

// MicrosoftLearn is the documentation server of Microsoft, which is open to
// anyone.
func MicrosoftLearn(opts *MicrosoftLearnOptions) Provider {
	d := draft{record("microsoft_learn")}
	if opts == nil {
		return d.Provider
	}
	if opts.DeepResearch {
		d.move("https://learn.microsoft.com/api/mcp/openai-compatible")
	}
	if opts.MaxTokens < 0 {
		d.faultf("MaxTokens is negative")
	}
	if opts.MaxTokens > 0 {
		d.option("maxTokenBudget", strconv.Itoa(opts.MaxTokens))
	}
	return d.Provider
}

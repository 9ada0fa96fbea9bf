package providers

// GitHubOptions narrow what GitHub's server offers. They travel as headers, so
// that the server's URL stays the same.
type GitHubOptions struct {
	// Toolsets are the groups of tools to offer, such as "repos" and "issues".
	// GitHub ignores unknown names in silence. If nil, GitHub's own choice.
	Toolsets []string
	// Tools are single tools to offer; GitHub refuses unknown names. If nil,
	// those of the toolsets.
	Tools []string
	// ReadOnly leaves out tools that write. If false, they are offered.
	ReadOnly bool
	// Lockdown turns on GitHub's lockdown mode. If false, it is off.
	Lockdown bool
	// Insiders offers tools that are not released yet. If false, they are left out.
	Insiders bool
	// Tenant is the subdomain of a data-residency tenant: "octocorp" for
	// octocorp.ghe.com. If empty, github.com.
	Tenant string
}

// GitHub is GitHub's MCP server, which takes the tokens of GitHub's REST API.
func GitHub(opts *GitHubOptions) Provider {
	d := draft{record("github")}
	if opts == nil {
		return d.Provider
	}
	d.sendList("X-MCP-Toolsets", opts.Toolsets)
	d.sendList("X-MCP-Tools", opts.Tools)
	d.sendFlag("X-MCP-Readonly", opts.ReadOnly)
	d.sendFlag("X-MCP-Lockdown", opts.Lockdown)
	d.sendFlag("X-MCP-Insiders", opts.Insiders)
	if opts.Tenant != "" {
		d.at(map[string]string{"subdomain": opts.Tenant})
	}
	return d.Provider
}

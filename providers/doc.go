// Package providers knows remote MCP servers.
package providers

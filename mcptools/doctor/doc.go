// Package doctor finds out why an MCP server does or does not work.
package doctor

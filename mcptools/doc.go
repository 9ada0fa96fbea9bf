// Package mcptools turns a user's credential into the exact tools entry that
// OpenAI's Responses API wants, and OpenAI's failures into one typed error.
package mcptools

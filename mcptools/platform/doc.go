// Package platform describes the services that take an mcp entry in a request of
// OpenAI's Responses API: which fields of the entry they read, what they do with
// the others, and how they report a failed MCP server. It consists of data with
// sources and does no I/O.
//
// An entry that is right for OpenAI runs without a credential on a platform that
// reads the token elsewhere, and without approval on one that has no approval.
// A builder therefore needs to know the platform:
//
//	b, err := mcptools.NewBuilder(providers.Linear(), store, &mcptools.Options{Platform: platform.Groq()})
//
// It then writes the token into the field that the platform reads, and refuses an
// entry whose filter or approval the platform does not apply.
//
// # Reading the data
//
// [Platform.Takes] reports what a platform does with a field. A field without a
// source is [Unknown], and builders treat it like one that the platform drops.
// [Of] returns the platform that serves a URL, and [Lookup] the one with an id:
//
//	p, ok := platform.Lookup("xai")
//	if p.Takes(platform.FieldApproval) != platform.Taken { … }
//
// # Compatibility
//
// Facts are those of November 2026, from published code and documentation. Each
// has a [Source] with its date and confidence. A platform is listed only where
// that is high or medium; docs/platforms.md describes the others.
package platform

package entryhandle

import (
	"net/http"

	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// Functions on values of types of package mcptools. They panic for any other value.
// Package mcptools sets them when the program starts.
var (
	// Of returns the facts of an entry, which are zero for an empty one.
	Of func(entry any) Facts

	// SameCredential reports whether two entries send the same token and headers.
	SameCredential func(a, b any) bool

	// RefusedAgain returns the failure of an entry whose new token or ticket was
	// refused like the one before.
	RefusedAgain func(failure, entry any) (again any)

	// MayHaveRun reports whether a tool may have run before a failure, so that the
	// request must not be repeated.
	MayHaveRun func(failure any) bool

	// Describe sets the sentence and the cause of a failure that was just made:
	// failures are immutable once others have them. The sentence starts in lower case
	// and has no period. cause may be nil.
	Describe func(failure any, sentence string, cause error)

	// Route checks that a request with entries, a []mcptools.Entry, goes to their
	// platform, and adds the headers that the platform needs. The error is a
	// *mcptools.Failure.
	Route func(entries any, req *http.Request) error

	// Platform returns the platform of a set, an *mcptools.Set; zero for an empty one.
	Platform func(set any) platform.Platform
)

// Facts are the parts that an entry was built from. They must not be changed.
type Facts struct {
	Provider providers.Provider
	Token    oauthstore.Token  // with its provenance; zero for a server without credentials, and for a relayed entry
	Headers  map[string]string // beside the credential

	// Store has the credential of a relayed entry; nil for other entries.
	Store *oauthstore.Store
}

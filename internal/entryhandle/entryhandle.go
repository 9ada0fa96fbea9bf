package entryhandle

import (
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// Functions on values of type mcptools.Entry. They panic for any other value.
// Package mcptools sets them when the program starts.
var (
	// Of returns the facts of an entry, which are zero for an empty one.
	Of func(entry any) Facts

	// SameCredential reports whether two entries send the same token and headers.
	SameCredential func(a, b any) bool
)

// Facts are the parts that an entry was built from. They must not be changed.
type Facts struct {
	Provider   providers.Provider
	Token      oauthstore.Token  // with its provenance; zero for a server without credentials
	Headers    map[string]string // beside the credential
	ConsentURL string            // the page at which the owner connects; "" if there is none
}

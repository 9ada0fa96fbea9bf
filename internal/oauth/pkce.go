package oauth

import (
	"slices"

	"golang.org/x/oauth2"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// NewVerifier returns a random PKCE verifier of 256 bits. Use one per attempt.
func NewVerifier() secret.Secret { return secret.New(oauth2.GenerateVerifier()) }

// CheckPKCE returns [ErrNoPKCE] unless the server advertises S256 (MCP
// 2025-11-25). With insecureUnlisted, for servers that are known to support it,
// metadata without PKCE methods is accepted; metadata that lists only other
// methods never is.
func (m *ServerMetadata) CheckPKCE(insecureUnlisted bool) error {
	if slices.Contains(m.CodeChallengeMethods, "S256") || insecureUnlisted && len(m.CodeChallengeMethods) == 0 {
		return nil
	}
	return &Error{Op: OpServer, Err: ErrNoPKCE}
}

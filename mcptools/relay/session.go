package relay

import (
	"context"
	"strings"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// maxSession is the maximum length of a server's session id. Some are JWTs.
const maxSession = 4 << 10

func sessionBound(key oauthstore.Key, grant string) []byte {
	return associated(purposeSession, key.Owner.Tenant, key.Owner.Subject, key.Provider, key.Account, key.Server, grant)
}

// sealSession returns what a client gets in place of a server's session id. It
// opens for the same credential and grant only, on any replica.
func (s seal) sealSession(ctx context.Context, id string, key oauthstore.Key, grant string) (string, error) {
	if id == "" || len(id) > maxSession || strings.ContainsFunc(id, func(c rune) bool { return c < '!' || c > '~' }) {
		return "", errSession
	}
	return s.encode(ctx, []byte(id), sessionBound(key, grant))
}

// openSession reverses sealSession. For a session id of other credentials the error
// is errTicket.
func (s seal) openSession(ctx context.Context, text string, key oauthstore.Key, grant string) (string, error) {
	if len(text) > 2*maxSession {
		return "", errTicket
	}
	plain, err := s.decode(ctx, text, sessionBound(key, grant))
	return string(plain), err
}

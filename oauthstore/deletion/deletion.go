package deletion

// A Report counts what a deletion removed. Each removed credential counts in
// exactly one of Revoked, RevokeFailed and NotRevocable.
type Report struct {
	Revoked int // credentials that the provider revoked
	// RevokeFailed counts credentials that the provider has not revoked yet. Their
	// tokens stay sealed in the store for a day at most: a sweep, or the next call,
	// asks again.
	RevokeFailed int
	// NotRevocable counts credentials without a revocation endpoint or a readable
	// token, and those whose revocation the provider rejected for good, which are
	// also reported as oauthstore.EventRevokeFailed.
	NotRevocable int
	Consents     int // pending consents
	Clients      int // OAuth clients that were saved for the owners
}

// Credentials returns how many credentials were removed.
func (r Report) Credentials() int { return r.Revoked + r.RevokeFailed + r.NotRevocable }

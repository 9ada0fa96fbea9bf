package oauthstore

import (
	"fmt"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// credentialFormat is the version of the sealed record, and its first byte. A record
// of another format is an error and is never overwritten: a newer release shares
// this store. A new optional field needs no new format.
const credentialFormat = 2

// maxFormat is the last byte that counts as a format. Anything else is damage.
const maxFormat = 31

func decodeCredential(data []byte) (*storedCredential, error) {
	if len(data) == 0 || data[0] == 0 || data[0] > maxFormat {
		return nil, fmt.Errorf("%w: not a record", backend.ErrSeal)
	}
	if data[0] != credentialFormat {
		return nil, fmt.Errorf("%w: the record has format %d, this release reads %d", ErrMisconfigured, data[0], credentialFormat)
	}
	var r storedCredential
	if err := decodeFields(string(data[1:]), r.fields); err != nil {
		return nil, fmt.Errorf("%w: %w", backend.ErrSeal, err)
	}
	return &r, nil
}

func (r *storedCredential) encode() ([]byte, error) {
	// Most of a record is its tokens.
	out := make([]byte, 1, 512+len(r.Access)+len(r.Refresh))
	out[0] = credentialFormat
	return encodeFields(out, r.fields)
}

// fields lists the fields by rising numbers. A number is never used again for
// another field.
func (r *storedCredential) fields(c *codec) {
	textField(c, 1, &r.Grant)
	numberField(c, 2, &r.Generation)
	numberField(c, 3, &r.First)
	textField(c, 4, &r.Access)
	textField(c, 5, &r.Refresh)
	textField(c, 6, &r.TokenType)
	c.textsByName(7, &r.Secrets)
	c.time(8, &r.Issued)
	c.time(9, &r.Expiry)
	c.flag(10, &r.RefreshedElsewhere)
	textField(c, 11, &r.Imported)

	p := &r.Provenance
	textField(c, 20, &p.Obtained)
	textField(c, 21, &p.Way)
	textField(c, 22, &p.TokenKind)
	textField(c, 23, &p.Issuer)
	c.flag(24, &p.IssuerNamed)
	textField(c, 25, &p.Resource)
	textField(c, 26, &p.TokenEndpoint)
	textField(c, 27, &p.RevocationEndpoint)
	textField(c, 28, &p.ClientID)
	textField(c, 29, &p.Client)
	textField(c, 30, &p.AuthMethod)
	c.texts(31, &p.ScopesAsked)
	c.texts(32, &p.ScopesGranted)

	t := &r.Profile
	c.flag(40, &t.KeepsRefreshToken)
	c.flag(41, &t.OldAccessDies)
	numberField(c, 42, &t.TTL)
	c.texts(43, &t.RefusedCodes)
	c.flag(44, &t.NoRefreshResource)
	c.flag(45, &t.RefreshScopes)
	c.texts(46, &t.TokenTypes)
	textField(c, 47, &t.TokenMember)

	textField(c, 60, &r.Verdict.Outcome)
	textField(c, 61, &r.Verdict.Reason)
	textField(c, 62, &r.Verdict.Detail)
	c.time(63, &r.Verdict.At)
	numberField(c, 64, &r.VerdictOf)
	c.flag(65, &r.Accepted)
	c.flag(66, &r.Reported)
	c.time(67, &r.RefusedSince)
	numberField(c, 68, &r.Rejected)
	c.time(69, &r.ForcedAt)
	numberField(c, 70, &r.Forced)
	c.flag(71, &r.Warned)
	partField(c, 72, &r.Seen, (*Verdict).fields)

	partField(c, 80, &r.Intent, (*intent).fields)
	partField(c, 81, &r.Lost, (*lostResponse).fields)
	partField(c, 82, &r.Backoff, (*backoff).fields)
	textField(c, 83, &r.Dead)
	c.time(84, &r.Tombstone)
	partField(c, 85, &r.Revocation, (*pendingRevocation).fields)
}

func (v *Verdict) fields(c *codec) {
	textField(c, 1, &v.Outcome)
	textField(c, 2, &v.Reason)
	textField(c, 3, &v.Detail)
	c.time(4, &v.At)
}

func (i *intent) fields(c *codec) {
	textField(c, 1, &i.ID)
	textField(c, 2, &i.Grant)
	numberField(c, 3, &i.Generation)
	textField(c, 4, &i.Fingerprint)
	c.time(5, &i.Started)
	c.time(6, &i.Deadline)
}

func (u *lostResponse) fields(c *codec) {
	c.time(1, &u.Since)
	textField(c, 2, &u.Fingerprint)
	numberField(c, 3, &u.Attempts)
}

func (h *backoff) fields(c *codec) {
	c.time(1, &h.NextAttempt)
	numberField(c, 2, &h.Failures)
	textField(c, 3, &h.Class)
	textField(c, 4, &h.Code)
	numberField(c, 5, &h.Same)
	c.time(6, &h.First)
	numberField(c, 7, &h.Alone)
	textField(c, 8, &h.Client)
}

func (p *pendingRevocation) fields(c *codec) {
	textField(c, 1, &p.Access)
	textField(c, 2, &p.Refresh)
	partField(c, 3, &p.Client, (*savedClient).fields)
	numberField(c, 4, &p.Attempts)
	c.time(5, &p.Asked)
	c.time(6, &p.NextAttempt)
}

func (s *savedClient) fields(c *codec) {
	textField(c, 1, &s.Secret)
	textField(c, 2, &s.AuthMethod)
	c.time(3, &s.ExpiresAt)
}

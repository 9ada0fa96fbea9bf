package oauthstore

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// The sealed form of format 1. Later releases must read it: add fields, never
// rename them.
const recordOfFormat1 = `{
 "format": 1, "grant": "G", "generation": 3, "first": 2,
 "access_token": "synthetic-access", "refresh_token": "synthetic-refresh", "token_type": "Bearer",
 "secrets": {"application_key": "synthetic-extra"},
 "issued": "2026-11-01T10:00:00Z", "expiry": "2026-11-01T11:00:00Z",
 "provenance": {"obtained": "consent", "way": "oauth", "issuer": "https://as.example.com", "issuer_named": true, "resource": "https://mcp.example.com/mcp",
  "token_endpoint": "https://as.example.com/token", "revocation_endpoint": "https://as.example.com/revoke",
  "client_id": "app", "auth_method": "none", "scopes_asked": ["a"], "scopes_granted": ["a"]},
 "profile": {"keeps_refresh_token": true, "old_access_dies": true, "ttl": 3600000000000, "refused_codes": ["bad_refresh_token"]},
 "refreshed_elsewhere":true,
 "verdict": {"outcome": "accepted", "reason": "scope_missing", "detail": "d", "at": "2026-11-01T10:00:01Z"},
 "verdict_of": 3, "accepted": true, "rejected": 3, "forced_at": "2026-11-01T10:00:02Z", "forced": 3, "warned": true,
 "intent": {"id": "L", "grant": "G", "generation": 3, "fingerprint": "00112233", "started": "2026-11-01T10:00:03Z", "deadline": "2026-11-01T10:00:33Z"},
 "lost": {"since": "2026-11-01T10:00:04Z", "fingerprint": "00112233", "attempts": 2},
 "hold": {"next_attempt": "2026-11-01T10:01:00Z", "failures": 2, "last_class": "blocked", "last_code": "x", "same": 2, "first": "2026-11-01T10:00:05Z", "alone": 1, "client": "44556677"},
 "dead": "invalid_grant", "tombstone": "2026-11-01T12:00:00Z"
}`

func TestTheRecordFormatStays(t *testing.T) {
	t.Parallel()
	r, err := decodeCredential([]byte(recordOfFormat1))
	require.NoError(t, err)
	again, err := r.encode()
	require.NoError(t, err)
	assert.JSONEq(t, recordOfFormat1, string(again), "every field has its place")
}

func TestARecordOfAnotherFormatIsRefused(t *testing.T) {
	t.Parallel()
	_, err := decodeCredential([]byte(`{"format":2,"access_token":"synthetic-access"}`))
	require.ErrorContains(t, err, "format 2")
	_, err = decodeCredential([]byte(`{"access_token":"synthetic-access`))
	require.ErrorIs(t, err, backend.ErrSeal)
	assert.NotContains(t, err.Error(), "synthetic")
}

func TestEveryRecordFieldIsInTheFormat(t *testing.T) {
	t.Parallel()
	var have map[string]any
	require.NoError(t, json.Unmarshal([]byte(recordOfFormat1), &have))
	full := storedCredential{Refresh: "x", TokenType: "x", Secrets: map[string]string{}, Expiry: time.Now(), RefreshedElsewhere: true, VerdictOf: 1, Accepted: true, Rejected: 1, ForcedAt: time.Now(), Forced: 1, Warned: true, Intent: &intent{}, Lost: &lostResponse{}, Backoff: &backoff{}, Dead: "x", Tombstone: time.Now()}
	text, err := full.encode()
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(text, &fields))
	for name := range fields {
		assert.Contains(t, have, name)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte(recordOfFormat1))
	f.Add([]byte(`{"format":1}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeCredential(data)
		if err != nil {
			return
		}
		_ = r.status(Key{}, time.Now())
		_ = r.dueAt()
		if _, err := r.encode(); err != nil {
			t.Skip("a time out of JSON's range") // such a record was never written
		}
	})
}

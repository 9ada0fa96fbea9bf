package oauthstore

import (
	"context"
	"log/slog"
	"strings"
	"time"
)

// An EventType names what happened to a credential.
type EventType string

// Types of events.
const (
	EventRefreshed     EventType = "refreshed"       // a new pair is stored
	EventRefreshFailed EventType = "refresh_failed"  // a refresh failed and will be retried
	EventReauthorize   EventType = "reauth_required" // only the user's new consent helps
	EventLostRotation  EventType = "lost_rotation"   // a new pair was lost: its response did not arrive, or it could not be saved
	EventCommitRetried EventType = "commit_retried"  // a new pair could not be saved yet; it is held in memory
	EventConnected     EventType = "connected"       // a credential was put into the store
	EventDisconnected  EventType = "disconnected"    // the credential was removed
	EventVerified      EventType = "verified"        // an MCP server was asked about the pair, or refused it to a caller of Reject
	EventExpiring      EventType = "expiring"        // it expires soon and can't be refreshed
	EventNarrowed      EventType = "scope_narrowed"  // the server grants less than before, or than was asked for
	EventClockSkew     EventType = "clock_skew"      // this process's clock and the authorization server's differ by more than 30 s; reported once an hour
	EventRevealed      EventType = "revealed"        // a person was shown the token in clear text
	EventKeyset        EventType = "keyset_changed"  // the keys that seal records, or the records sealed with them, changed; see Event.Change

	EventWatchLost       EventType = "watch_lost"       // Store.Watch gets no notifications: disconnects elsewhere take effect within CacheAge; again every 10 min while it lasts
	EventWatchReady      EventType = "watch_ready"      // Store.Watch gets notifications again
	EventIssuerFailing   EventType = "issuer_failing"   // an authorization server fails for several users, or MCP servers refuse the tokens of several of its users; see Event.Err
	EventIssuerRecovered EventType = "issuer_recovered" // the failures of EventIssuerFailing have stopped
	EventClientsFailed   EventType = "clients_failed"   // Options.Clients failed, so nothing is refreshed at that issuer; again every 10 min while it lasts
	EventRevokeFailed    EventType = "revoke_failed"    // the tokens of a disconnected credential could not be revoked at the provider
)

// An Event is one thing that happened to a credential, or to the store. It holds
// no secret.
type Event struct {
	Type       EventType
	Actor      string        // who caused it, as package actor has it; "" if nothing did
	Key        Key           // zero for those of the store, such as EventKeyset and EventWatchLost; for those of an issuer, a credential that was affected
	Issuer     string        // of EventIssuerFailing, EventIssuerRecovered, EventClientsFailed and EventRevokeFailed
	Generation uint64        // of the token pair; 0 if there is none
	Reason     Reason        // "" if there is none
	Verdict    Verdict       // of EventVerified
	Obtained   Obtained      // of EventConnected: how, such as ObtainedConsent or ObtainedImport
	Change     string        // of EventKeyset: "added", "promoted" or "dropped" for a key, "rewrapped" for the records
	KeyID      string        // of EventKeyset: the id of the key
	Scopes     []string      // of EventNarrowed: those that are missing, sorted; not to be changed
	Skew       time.Duration // of EventClockSkew: at least by how much this clock is ahead; negative: behind
	Took       time.Duration // from the request to the save of its outcome, for those of a refresh; else 0
	Err        error         // what went wrong; its text holds no secret
}

// LogValue implements [slog.LogValuer].
func (e Event) LogValue() slog.Value {
	a := []slog.Attr{
		slog.String("type", string(e.Type)),
		slog.String("tenant", e.Key.Owner.Tenant), slog.String("subject", e.Key.Owner.Subject),
		slog.String("provider", e.Key.Provider), slog.Uint64("generation", e.Generation),
	}
	if e.Actor != "" {
		a = append(a, slog.String("actor", e.Actor[:min(len(e.Actor), maxLogged)]))
	}
	if e.Obtained != "" {
		a = append(a, slog.String("obtained", string(e.Obtained)))
	}
	if e.Issuer != "" {
		a = append(a, slog.String("issuer", e.Issuer[:min(len(e.Issuer), maxLogged)]))
	}
	if e.KeyID != "" {
		a = append(a, slog.String("change", e.Change), slog.String("key_id", e.KeyID))
	}
	if e.Key.Account != "" {
		a = append(a, slog.String("account", e.Key.Account))
	}
	if e.Reason != "" {
		a = append(a, slog.String("reason", string(e.Reason)))
	}
	if e.Verdict.Outcome != "" {
		a = append(a, slog.String("verdict", string(e.Verdict.Outcome)))
	}
	if len(e.Scopes) > 0 {
		text := strings.Join(e.Scopes, " ") // as a server once wrote it
		a = append(a, slog.String("scopes", text[:min(len(text), maxLogged)]))
	}
	if e.Skew != 0 {
		a = append(a, slog.Duration("skew", e.Skew))
	}
	if e.Err != nil {
		a = append(a, slog.String("error", e.Err.Error()))
	}
	return slog.GroupValue(a...)
}

const maxLogged = 200

// level is how loud an event is in the log.
func (e Event) level() slog.Level {
	switch e.Type {
	case EventLostRotation:
		return slog.LevelError
	case EventReauthorize, EventRefreshFailed, EventCommitRetried, EventExpiring, EventClockSkew,
		EventWatchLost, EventIssuerFailing, EventClientsFailed, EventRevokeFailed:
		return slog.LevelWarn
	case EventConnected, EventDisconnected, EventNarrowed, EventRevealed, EventKeyset, EventWatchReady, EventIssuerRecovered:
		return slog.LevelInfo
	case EventRefreshed, EventVerified:
	}
	return slog.LevelDebug
}

// Audit reports an event that the program causes by itself, such as
// [EventRevealed], to Options.Observer and Options.Logger, with the actor of
// ctx unless e has one. It stores nothing.
func (s *Store) Audit(ctx context.Context, e Event) { s.observer.event(ctx, e) }

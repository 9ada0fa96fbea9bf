// Package actor stores in a context who acts, for audit logs: a user, an
// administrator, an operator or a job. Set it once for each request:
//
//	ctx = actor.With(ctx, "support:jane")
//	_, err := store.Disconnect(ctx, key) // the event has Actor "support:jane"
//
// Package oauthstore copies it into each event of a call, from where it gets to
// slog and OpenTelemetry.
//
// # Security
//
// An actor has no effect: a call acts for the owner that it names. It must not
// hold a secret. It may be personal data, so that no metric has it.
package actor

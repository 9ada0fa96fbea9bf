package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

// auditLogger opens the file of --audit-log. Without the flag, the logger is nil.
func (a *app) auditLogger() (logger *slog.Logger, closeLog func() error, err error) {
	if a.global.auditLog == "" {
		return nil, func() error { return nil }, nil
	}
	f, err := os.OpenFile(a.global.auditLog, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, faultf(mcptools.KindMisconfigured, "--audit-log: %v", err)
	}
	out := &auditFile{file: f}
	a.audit = out
	utc := &slog.HandlerOptions{ReplaceAttr: func(_ []string, attr slog.Attr) slog.Attr {
		if attr.Key == slog.TimeKey {
			attr.Value = slog.TimeValue(attr.Value.Time().UTC())
		}
		return attr
	}}
	return slog.New(slog.NewJSONHandler(out, utc)), out.close, nil
}

// An auditFile remembers that it could not be written: slog drops such errors, and
// a command must not end well without its record.
type auditFile struct {
	file   *os.File
	failed atomic.Pointer[error]
}

func (f *auditFile) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	if err != nil {
		f.failed.CompareAndSwap(nil, &err)
	}
	return n, err
}

// err returns the first error, once.
func (f *auditFile) err() error {
	if failed := f.failed.Swap(nil); failed != nil {
		return faultf(mcptools.KindMisconfigured, "--audit-log: %v", *failed)
	}
	return nil
}

func (f *auditFile) close() error { return errors.Join(f.err(), f.file.Close()) }

// auditReveal records that a token is about to be shown. If the record can't be
// written, the token must not be shown.
func (a *app) auditReveal(ctx context.Context, store *oauthstore.Store, key oauthstore.Key, generation uint64) error {
	store.Audit(ctx, oauthstore.Event{Type: oauthstore.EventRevealed, Key: key, Generation: generation})
	if a.audit == nil {
		return nil
	}
	return a.audit.err()
}

// keyEvents returns the events for the changes from one state of a keyset to another.
func keyEvents(before, after []keyset.Key) []oauthstore.Event {
	in := func(keys []keyset.Key, id string) bool {
		return slices.ContainsFunc(keys, func(k keyset.Key) bool { return k.ID == id })
	}
	var events []oauthstore.Event
	add := func(change, id string) {
		events = append(events, oauthstore.Event{Type: oauthstore.EventKeyset, Change: change, KeyID: id})
	}
	for _, k := range after {
		if !in(before, k.ID) {
			add("added", k.ID)
		}
		if k.Primary && slices.ContainsFunc(before, func(old keyset.Key) bool { return old.Primary && old.ID != k.ID }) {
			add("promoted", k.ID)
		}
	}
	for _, k := range before {
		if !in(after, k.ID) {
			add("dropped", k.ID)
		}
	}
	return events
}

package main

import (
	"log/slog"
	"os"
	"slices"

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
	return slog.New(slog.NewJSONHandler(f, nil)), f.Close, nil
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

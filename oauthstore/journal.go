package oauthstore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A journalEntry is a pair that the backend may not have yet, with the row
// that it belongs to.
type journalEntry struct {
	ID         backend.ID `json:"id"`
	Grant      string     `json:"grant"`
	Generation uint64     `json:"generation"`
	Attempts   int        `json:"attempts,omitzero"`
	Access     string     `json:"access_token"`
	Refresh    string     `json:"refresh_token,omitzero"`
	TokenType  string     `json:"token_type,omitzero"`
	Issued     time.Time  `json:"issued"`
	Expiry     time.Time  `json:"expiry,omitzero"`
	Scopes     []string   `json:"scopes,omitzero"`
	Problem    string     `json:"problem,omitzero"`
	// Provenance says where it is revoked if its credential has gone.
	Provenance Provenance `json:"provenance,omitzero"`
}

const journalSuffix = ".pair"

// journalWrite keeps p on the local disk until the backend has it, and returns
// the file's name; "" where there is no journal. A journal that fails is no
// reason to lose the pair: it is reported, and saving goes on.
func (s *Store) journalWrite(ctx context.Context, key Key, p *pair) string {
	if s.opts.Journal == "" {
		return ""
	}
	name, err := s.journalPut(ctx, &journalEntry{
		ID: credentialID(key), Grant: p.grant, Generation: p.generation, Attempts: p.attempts,
		Access: p.access.Expose(), Refresh: p.refresh.Expose(), TokenType: p.tokenType,
		Issued: p.issued, Expiry: p.expiry, Scopes: p.scopes, Problem: p.problem,
		Provenance: p.provenance,
	})
	if err != nil {
		s.event(ctx, Event{Kind: EventCommitRetried, Key: key, Generation: p.generation + 1, Err: &Error{Op: "journal", Key: key, Err: err}})
		return ""
	}
	return name
}

func (s *Store) journalPut(ctx context.Context, e *journalEntry) (name string, err error) {
	plain, err := json.Marshal(e) //nolint:gosec // sealed below
	if err != nil {
		return "", err
	}
	base := rand.Text() + journalSuffix
	sealed, err := s.records.seal(ctx, purposeJournal, backend.ID{Kind: base}, 0, plain)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(s.opts.Journal, 0o700); err != nil {
		return "", err
	}
	// The name appears once the content is on the disk, never before.
	f, err := os.CreateTemp(s.opts.Journal, ".new-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(sealed)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return "", err
	}
	name = filepath.Join(s.opts.Journal, base)
	if err = os.Rename(f.Name(), name); err != nil {
		return "", err
	}
	return name, syncDir(s.opts.Journal)
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *Store) journalRemove(name string) {
	if name != "" {
		_ = os.Remove(name) // what stays behind is recognised as saved later
	}
}

// Recover saves the pairs that a process of this machine left in the journal
// when it died, and returns how many it found. Call it once before the store
// is used, by one process. A pair that has been overtaken is dropped; one that
// can't be read stays and is part of the error.
func (s *Store) Recover(ctx context.Context) (int, error) {
	files, err := s.journalFiles()
	if err != nil {
		return 0, &Error{Op: "recover", Err: err}
	}
	n := 0
	var errs []error
	for _, base := range files {
		if err := s.recoverFile(ctx, base); err != nil {
			errs = append(errs, &Error{Op: "recover", Err: err})
			continue
		}
		n++
	}
	return n, errors.Join(errs...)
}

// journalFiles returns the names of the pairs in the journal.
func (s *Store) journalFiles() ([]string, error) {
	if s.opts.Journal == "" {
		return nil, nil
	}
	files, err := os.ReadDir(s.opts.Journal)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, f := range files {
		if strings.HasSuffix(f.Name(), journalSuffix) {
			names = append(names, f.Name())
		}
	}
	return names, err
}

// journalKeyUse adds the keys of the pairs in the journal to use.
func (s *Store) journalKeyUse(use map[string]int) error {
	files, err := s.journalFiles()
	if err != nil {
		return err
	}
	for _, base := range files {
		sealed, err := os.ReadFile(filepath.Join(s.opts.Journal, base))
		if errors.Is(err, os.ErrNotExist) {
			continue // saved meanwhile
		}
		if err != nil {
			return err
		}
		use[s.records.sealer.KeyID(sealed)]++
	}
	return nil
}

func (s *Store) recoverFile(ctx context.Context, base string) error {
	name := filepath.Join(s.opts.Journal, base)
	sealed, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	plain, err := s.records.open(ctx, purposeJournal, backend.ID{Kind: base}, 0, sealed)
	if err != nil {
		return err
	}
	var e journalEntry
	if err := json.Unmarshal(plain, &e); err != nil {
		return ErrSeal
	}
	p := &pair{
		grant: e.Grant, generation: e.Generation, attempts: e.Attempts, provenance: e.Provenance, access: NewSecret(e.Access), refresh: NewSecret(e.Refresh),
		tokenType: e.TokenType, issued: e.Issued, expiry: e.Expiry, scopes: e.Scopes, problem: e.Problem,
	}
	key := keyOf(e.ID)
	_, err = s.saveOnce(ctx, key, p)
	if errors.Is(err, ErrNotFound) {
		s.revokePair(ctx, key, p)
		err = nil
	}
	if err != nil {
		return err
	}
	s.journalRemove(name)
	return nil
}

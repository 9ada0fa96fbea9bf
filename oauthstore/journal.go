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

// A journal keeps new pairs, sealed, in a folder on a local disk until the
// backend has them. Safe for concurrent use.
type journal struct {
	dir     string // "": no journal
	records *records
}

// A journalEntry is a pair with the row that it belongs to.
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
	// Provenance says where the pair is revoked if its credential is gone.
	Provenance Provenance `json:"provenance,omitzero"`
}

const journalSuffix = ".pair"

// write keeps p until remove, and returns the file's name; "" without a journal.
func (j *journal) write(ctx context.Context, key Key, p *pair) (name string, err error) {
	if j.dir == "" {
		return "", nil
	}
	plain, err := json.Marshal(&journalEntry{
		ID: credentialID(key), Grant: p.grant, Generation: p.generation, Attempts: p.attempts,
		Access: p.access.Expose(), Refresh: p.refresh.Expose(), TokenType: p.tokenType,
		Issued: p.issued, Expiry: p.expiry, Scopes: p.scopes, Problem: p.problem,
		Provenance: p.provenance,
	})
	if err != nil {
		return "", err
	}
	base := rand.Text() + journalSuffix
	sealed, err := j.records.seal(ctx, purposeJournal, backend.ID{Kind: base}, 0, plain)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return "", err
	}
	// The name appears once the content is on the disk, never before.
	f, err := os.CreateTemp(j.dir, ".new-*")
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
	name = filepath.Join(j.dir, base)
	if err = os.Rename(f.Name(), name); err != nil {
		return "", err
	}
	return name, syncDir(j.dir)
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// remove deletes a file by the name that write returned.
func (j *journal) remove(name string) {
	if name != "" {
		_ = os.Remove(name) // Recover recognizes a leftover as saved
	}
}

// files returns the names of the pairs in the journal.
func (j *journal) files() ([]string, error) {
	if j.dir == "" {
		return nil, nil
	}
	files, err := os.ReadDir(j.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, f := range files {
		if strings.HasSuffix(f.Name(), journalSuffix) {
			names = append(names, filepath.Join(j.dir, f.Name()))
		}
	}
	return names, err
}

// read opens a file of the journal.
func (j *journal) read(ctx context.Context, name string) (Key, *pair, error) {
	sealed, err := os.ReadFile(name)
	if err != nil {
		return Key{}, nil, err
	}
	plain, err := j.records.open(ctx, purposeJournal, backend.ID{Kind: filepath.Base(name)}, 0, sealed)
	if err != nil {
		return Key{}, nil, err
	}
	var e journalEntry
	if err := json.Unmarshal(plain, &e); err != nil {
		return Key{}, nil, backend.ErrSeal
	}
	return keyOf(e.ID), &pair{
		grant: e.Grant, generation: e.Generation, attempts: e.Attempts, provenance: e.Provenance,
		access: NewSecret(e.Access), refresh: NewSecret(e.Refresh), tokenType: e.TokenType,
		issued: e.Issued, expiry: e.Expiry, scopes: e.Scopes, problem: e.Problem,
	}, nil
}

// countKeys adds the ids of the keys that sealed the pairs in the journal to
// use.
func (j *journal) countKeys(use map[string]int) error {
	files, err := j.files()
	if err != nil {
		return err
	}
	for _, name := range files {
		sealed, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // saved meanwhile
		}
		if err != nil {
			return err
		}
		use[j.records.sealer.KeyID(sealed)]++
	}
	return nil
}

// Recover saves the pairs that a process of this machine left in
// [Options].Journal when it died, and returns how many it handled. Call it once,
// in one process, before the store is used. It drops pairs that are older than
// the stored ones. Pairs that can't be read or saved stay in the journal and are
// part of the error.
func (s *Store) Recover(ctx context.Context) (int, error) {
	files, err := s.journal.files()
	if err != nil {
		return 0, fail("recover", Key{}, err)
	}
	n := 0
	var errs []error
	for _, name := range files {
		if err := s.recoverPair(ctx, name); err != nil {
			errs = append(errs, fail("recover", Key{}, err))
			continue
		}
		n++
	}
	return n, errors.Join(errs...)
}

func (s *Store) recoverPair(ctx context.Context, name string) error {
	if !s.life.begin() {
		return backend.ErrClosed
	}
	defer s.life.end()
	key, p, err := s.journal.read(ctx, name)
	if err != nil {
		return err
	}
	_, err = s.saveOnce(ctx, key, nil, p)
	if errors.Is(err, ErrNotFound) {
		<-s.revokePair(ctx, key, p)
		err = nil
	}
	if err != nil {
		return err
	}
	s.journal.remove(name)
	return nil
}

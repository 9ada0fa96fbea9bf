package oauthstore

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/deletion"
)

// DeleteOwner deletes everything that is stored for an owner: credentials, which
// it revokes at their providers (RFC 7009), pending consents, saved clients and
// pins of tools.
// It may run while the owner's credentials are in use: a refresh or a consent in
// flight does not restore one. Consents that begin later do, so end the owner's
// access to the application first.
//
// A credential is unusable before its provider is asked, and its record is
// deleted once that is done. If the process dies, ctx ends or an error is
// returned, call DeleteOwner again: it resumes. The report counts what this call
// did, also with an error. An owner without a tenant or a subject is
// [ErrMisconfigured].
func (s *Store) DeleteOwner(ctx context.Context, owner Owner) (deletion.Report, error) {
	if err := owner.validate(); err != nil {
		return deletion.Report{}, fail("delete", Key{Owner: owner}, err)
	}
	return s.deleteAll(ctx, owner)
}

// DeleteTenant is [Store.DeleteOwner] for all owners of a tenant. It sends at most
// Options.PerIssuer concurrent requests to one provider. An empty tenant is
// [ErrMisconfigured].
func (s *Store) DeleteTenant(ctx context.Context, tenant string) (deletion.Report, error) {
	if tenant == "" {
		return deletion.Report{}, fail("delete", Key{}, &Error{Err: ErrMisconfigured, Detail: "tenant is empty"})
	}
	return s.deleteAll(ctx, Owner{Tenant: tenant})
}

// deleteAll deletes the records of an owner; of all owners of the tenant if
// Subject is empty. Consents come first: one that is finished later than that
// removes its own credential, one that was finished earlier is found here.
func (s *Store) deleteAll(ctx context.Context, owner Owner) (deletion.Report, error) {
	d := &deleter{store: s, owner: owner}
	var err error
	if d.began, err = s.records.now(ctx); err == nil {
		err = d.consents(ctx)
	}
	for again := true; again && err == nil; {
		again, err = d.credentials(ctx)
	}
	if err == nil {
		err = d.first // its revocation may need the client
	}
	if err == nil {
		err = d.others(ctx)
	}
	if err != nil {
		return d.report, fail("delete", Key{Owner: owner}, err)
	}
	return d.report, nil
}

// A deleter is one call of DeleteOwner or DeleteTenant.
type deleter struct {
	store *Store
	owner Owner
	began time.Time // by the store's clock

	mu      sync.Mutex
	report  deletion.Report // guarded by mu
	removed int             // credentials of the current pass; guarded by mu
	first   error           // of one credential; guarded by mu
}

func (d *deleter) filter(kind string) backend.Filter {
	return backend.Filter{Kind: kind, Tenant: d.owner.Tenant, Subject: d.owner.Subject}
}

// over returns why the deletion has to end, or nil.
func (d *deleter) over(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.store.life.isClosed():
		return backend.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(d.first, ErrUnavailable):
		return d.first
	}
	return nil
}

// consents deletes the pending consents. Their ids do not name the owner, since a
// callback has only the state.
func (d *deleter) consents(ctx context.Context) error {
	return d.store.records.each(ctx, backend.Filter{Kind: backend.KindFlow}, func(it backend.Item) error {
		if err := d.over(ctx); err != nil {
			return err
		}
		data, err := d.store.records.open(ctx, purposeRecord, it.ID, it.Version, it.Data)
		if err != nil && !storehandle.Unreadable(err) {
			return err // another process may finish it
		}
		var flow struct {
			Key Key `json:"key"` // as package connect writes it
		}
		if err != nil || json.Unmarshal(data, &flow) != nil { //nolint:musttag // a Key is written without tags
			return nil //nolint:nilerr // it can't be finished, and expires soon
		}
		if o := flow.Key.Owner; o.Tenant != d.owner.Tenant || d.owner.Subject != "" && o.Subject != d.owner.Subject {
			return nil
		}
		return d.remove(ctx, it, func(r *deletion.Report) { r.Consents++ })
	})
}

// others deletes the records that are not credentials: saved clients, pins of
// tools, and counts of steps of a consent.
func (d *deleter) others(ctx context.Context) error {
	return d.store.records.each(ctx, d.filter(""), func(it backend.Item) error {
		if err := d.over(ctx); err != nil {
			return err
		}
		if it.ID.Kind == backend.KindCredential {
			return nil
		}
		return d.remove(ctx, it, func(r *deletion.Report) {
			if it.ID.Kind == backend.KindRegistration {
				r.Clients++
			}
		})
	})
}

// remove deletes a record, and counts it.
func (d *deleter) remove(ctx context.Context, it backend.Item, count func(*deletion.Report)) error {
	removed, err := d.store.records.remove(ctx, it.ID, it.Version)
	if removed {
		d.count(count)
	}
	return err
}

// credentials makes one pass over the credentials. It reports whether another
// pass may find more.
func (d *deleter) credentials(ctx context.Context) (again bool, err error) {
	d.removed = 0
	q := sweepQueue{
		perIssuer: d.store.opts.PerIssuer, issuers: make(map[string]*sweepIssuer), work: func(key Key) { d.visit(ctx, key) },
	}
	full := errors.New("the queue is full")
	err = d.store.records.each(ctx, d.filter(backend.KindCredential), func(it backend.Item) error {
		if err := d.over(ctx); err != nil {
			return err
		}
		issuer := "" // of a record that can't be opened
		if sn, err := d.store.records.snapshot(ctx, it); err == nil {
			issuer = clientAudience(&sn.cred.Provenance)
		}
		if !q.add(issuer, keyOf(it.ID)) {
			return full
		}
		return nil
	})
	q.done.Wait()
	if err == nil || errors.Is(err, full) {
		again, err = d.removed > 0 || err != nil, d.over(ctx)
	}
	return again, err
}

func (d *deleter) count(f func(*deletion.Report)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(&d.report)
}

// visit removes one credential.
func (d *deleter) visit(ctx context.Context, key Key) {
	if d.over(ctx) != nil || !d.store.life.begin() {
		return
	}
	defer d.store.life.end()
	removed, err := d.credential(ctx, key)
	d.mu.Lock()
	defer d.mu.Unlock()
	if removed {
		d.removed++
	}
	if d.first == nil {
		d.first = err
	}
}

func (d *deleter) credential(ctx context.Context, key Key) (removed bool, err error) {
	s := d.store
	sn, live, err := s.bury(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case storehandle.Unreadable(err):
		gone, err := s.purgeUnreadable(ctx, key, err)
		if gone.Removed {
			d.count(func(r *deletion.Report) { r.NotRevocable++ })
		}
		return gone.Removed, err
	case err != nil:
		return false, err
	}
	p := sn.cred.Revocation
	switch {
	case p == nil: // nothing to revoke, or it was disconnected before
		if live {
			d.count(func(r *deletion.Report) { r.NotRevocable++ })
		}
		_, err := s.erase(ctx, key, sn)
		return live, err
	case !live && !p.Asked.Before(d.began):
		return false, nil // this call, or another one, has just asked
	}
	result, err := s.revokeBuried(ctx, key, sn, false)
	if err == nil {
		d.count(func(r *deletion.Report) {
			switch result {
			case buriedRevoked:
				r.Revoked++
			case buriedKept:
				r.RevokeFailed++
			case buriedGivenUp:
				r.NotRevocable++
			case buriedGone:
			}
		})
	}
	return err == nil, err
}

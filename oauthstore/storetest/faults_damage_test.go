package storetest_test

import (
	"slices"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

func isDamaged(rec backend.Record) bool { return string(rec.Data) == "damaged" }

var damageFaults = map[string]map[string]func(*handle){
	"a damaged record does not hide others": {
		"ends the list with an error": func(h *handle) {
			h.afterList(func(_ backend.Filter, items *[]backend.Item, _ *string, err *error) {
				if slices.ContainsFunc(*items, func(it backend.Item) bool { return isDamaged(it.Record) }) {
					*items, *err = nil, backend.ErrUnavailable
				}
			})
		},
		"ends the list without an error": func(h *handle) {
			h.afterList(func(_ backend.Filter, items *[]backend.Item, next *string, _ *error) {
				if i := slices.IndexFunc(*items, func(it backend.Item) bool { return isDamaged(it.Record) }); i >= 0 {
					*items, *next = (*items)[:i], ""
				}
			})
		},
		"returns it to owners who may be others": func(h *handle) {
			h.eachItem(func(it *backend.Item) {
				if isDamaged(it.Record) {
					it.ID = backend.ID{}
				}
			})
		},
	},
	"a damaged record can be replaced": {
		"is unavailable": func(h *handle) {
			h.afterGet(func(_ backend.ID, rec *backend.Record, err *error) {
				if isDamaged(*rec) {
					*err = backend.ErrUnavailable
				}
			})
		},
		"has no version": func(h *handle) {
			h.afterGet(func(_ backend.ID, rec *backend.Record, err *error) {
				if isDamaged(*rec) {
					rec.Version, *err = 0, backend.ErrSeal
				}
			})
		},
		"is not replaced": func(h *handle) {
			h.beforePut(func(_ *backend.ID, old backend.Record, _ *backend.Record, _ *uint64) error {
				if isDamaged(old) {
					return backend.ErrConflict
				}
				return nil
			})
		},
	},
}

package storetest_test

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var listFaults = map[string]map[string]func(*handle){
	"nothing is listed where there is nothing": {
		"not found": func(h *handle) {
			h.afterList(func(_ backend.Filter, items *[]backend.Item, _ *string, err *error) {
				if len(*items) == 0 {
					*err = backend.ErrNotFound
				}
			})
		},
		"a cursor": func(h *handle) {
			h.afterList(func(_ backend.Filter, _ *[]backend.Item, next *string, _ *error) { *next = "0:1" })
		},
	},
	"an item is the whole record": {
		"no data":    func(h *handle) { h.eachItem(func(it *backend.Item) { it.Data = nil }) },
		"no version": func(h *handle) { h.eachItem(func(it *backend.Item) { it.Version = 0 }) },
		"no account": func(h *handle) { h.eachItem(func(it *backend.Item) { it.ID.Account = "" }) },
		"no expiry":  func(h *handle) { h.eachItem(func(it *backend.Item) { it.ExpireAt = time.Time{} }) },
	},
	"a filter narrows exactly": {
		"by prefix":   matchingBy(strings.HasPrefix),
		"in any case": matchingBy(strings.EqualFold),
		"as a pattern": matchingBy(func(s, pattern string) bool {
			return s == pattern || strings.HasSuffix(pattern, "%") && strings.HasPrefix(s, pattern[:len(pattern)-1])
		}),
		"not the kind":    func(h *handle) { h.beforeList(func(f *backend.Filter, _ *string, _ *int) { f.Kind = "" }) },
		"not the subject": func(h *handle) { h.beforeList(func(f *backend.Filter, _ *string, _ *int) { f.Subject = "" }) },
	},
	"pages hold everything once": {
		"there is one page": func(h *handle) {
			h.afterList(func(_ backend.Filter, _ *[]backend.Item, next *string, _ *error) { *next = "" })
		},
		"the first page for ever": func(h *handle) { h.beforeList(func(_ *backend.Filter, cursor *string, _ *int) { *cursor = "" }) },
		"one more than asked":     func(h *handle) { h.beforeList(func(_ *backend.Filter, _ *string, n *int) { *n++ }) },
		"skips one":               func(h *handle) { offsets(h, 1) },
		"repeats one":             func(h *handle) { offsets(h, -1) },
	},
	"what is due comes in its order": {
		"in that of creation": func(h *handle) {
			h.listAll(func(f backend.Filter, all []backend.Item, cursor string, n int) ([]backend.Item, string) {
				return pageAt(due(all, f), cursor, n, 0)
			})
		},
		"what never is comes too": func(h *handle) {
			h.listAll(func(f backend.Filter, all []backend.Item, cursor string, n int) ([]backend.Item, string) {
				all = slices.DeleteFunc(all, func(it backend.Item) bool { return !it.DueAt.Before(f.DueBefore) })
				return pageAt(byDue(all), cursor, n, 0)
			})
		},
		"what is due just then comes too": func(h *handle) {
			h.beforeList(func(f *backend.Filter, _ *string, _ *int) { f.DueBefore = f.DueBefore.Add(time.Microsecond) })
		},
		"to the millisecond": func(h *handle) {
			h.beforeList(func(f *backend.Filter, _ *string, _ *int) { f.DueBefore = f.DueBefore.Truncate(time.Millisecond) })
		},
	},
	"an update moves a record in the order of DueAt": {
		"an index of the first DueAt": func(h *handle) {
			first := map[backend.ID]time.Time{}
			h.beforePut(func(id *backend.ID, old backend.Record, rec *backend.Record, _ *uint64) error {
				if old.Version == 0 {
					first[*id] = rec.DueAt
				}
				return nil
			})
			h.listAll(func(f backend.Filter, all []backend.Item, cursor string, n int) ([]backend.Item, string) {
				all = due(all, f)
				slices.SortStableFunc(all, func(a, b backend.Item) int { return first[a.ID].Compare(first[b.ID]) })
				return pageAt(all, cursor, n, 0)
			})
		},
		"an index that keeps what is not due": func(h *handle) {
			h.beforePut(func(_ *backend.ID, old backend.Record, rec *backend.Record, _ *uint64) error {
				if rec.DueAt.IsZero() {
					rec.DueAt = old.DueAt
				}
				return nil
			})
		},
	},
	"many that are due at once are all listed": {
		"the cursor is the time": func(h *handle) {
			h.listAll(func(f backend.Filter, all []backend.Item, cursor string, n int) ([]backend.Item, string) {
				all = byDue(due(all, f))
				all = slices.DeleteFunc(all, func(it backend.Item) bool { return cursor >= it.DueAt.Format(time.RFC3339Nano) })
				if len(all) <= n {
					return all, ""
				}
				return all[:n], all[n-1].DueAt.Format(time.RFC3339Nano)
			})
		},
	},
	"what has expired is listed": {
		"it is removed": func(h *handle) {
			h.afterGet(func(_ backend.ID, rec *backend.Record, err *error) {
				if !rec.ExpireAt.IsZero() && rec.ExpireAt.Before(rec.Now) {
					*rec, *err = backend.Record{Now: rec.Now}, backend.ErrNotFound
				}
			})
		},
		"what expires just then is, too": func(h *handle) {
			h.beforeList(func(f *backend.Filter, _ *string, _ *int) { f.ExpiredBefore = f.ExpiredBefore.Add(time.Microsecond) })
		},
		"everything is": func(h *handle) {
			h.beforeList(func(f *backend.Filter, _ *string, _ *int) { f.ExpiredBefore = time.Time{} })
		},
	},
	"all fields of a filter hold together": {
		"one of the times": func(h *handle) {
			h.beforeList(func(f *backend.Filter, _ *string, _ *int) {
				if !f.DueBefore.IsZero() {
					f.ExpiredBefore = time.Time{}
				}
			})
		},
		"whoever's is due": func(h *handle) {
			h.beforeList(func(f *backend.Filter, _ *string, _ *int) {
				if !f.DueBefore.IsZero() {
					f.Subject = ""
				}
			})
		},
	},
	"pages last while others write": {
		"the cursor is a number of rows": func(h *handle) { offsets(h, 0) },
		"the cursor is a row that may go": func(h *handle) {
			h.listAll(func(f backend.Filter, all []backend.Item, cursor string, n int) ([]backend.Item, string) {
				all = byDue(due(all, f))
				name := func(it backend.Item) bool { return it.ID.Subject == cursor }
				all = all[slices.IndexFunc(all, name)+1:] // from the start where it is gone
				if len(all) <= n {
					return all, ""
				}
				return all[:n], all[n-1].ID.Subject
			})
		},
	},
	"a page size or cursor that can't be is an error": {
		"a page of nothing": func(h *handle) { h.beforeList(func(_ *backend.Filter, _ *string, n *int) { *n = max(*n, 1) }) },
		"the first page": func(h *handle) {
			list := h.list
			h.list = func(ctx context.Context, f backend.Filter, cursor string, n int) ([]backend.Item, string, error) {
				items, next, err := list(ctx, f, cursor, n)
				if err != nil && n > 0 {
					return list(ctx, f, "", n)
				}
				return items, next, err
			}
		},
		"nothing more": func(h *handle) {
			h.afterList(func(_ backend.Filter, items *[]backend.Item, _ *string, err *error) {
				if *err != nil && len(*items) == 0 {
					*err = nil
				}
			})
		},
	},
}

// matchingBy makes the names of a filter match by f.
func matchingBy(f func(value, wanted string) bool) func(*handle) {
	return func(h *handle) {
		h.listAll(func(filter backend.Filter, all []backend.Item, cursor string, n int) ([]backend.Item, string) {
			all = slices.DeleteFunc(all, func(it backend.Item) bool {
				return filter.Kind != "" && !f(it.ID.Kind, filter.Kind) ||
					filter.Tenant != "" && !f(it.ID.Tenant, filter.Tenant) ||
					filter.Subject != "" && !f(it.ID.Subject, filter.Subject)
			})
			return pageAt(all, cursor, n, 0)
		})
	}
}

// offsets makes the cursor of List the number of rows before it, and wrong by
// some.
func offsets(h *handle, wrongBy int) {
	h.listAll(func(f backend.Filter, all []backend.Item, cursor string, n int) ([]backend.Item, string) {
		all = slices.DeleteFunc(all, func(it backend.Item) bool { return f.Tenant != "" && it.ID.Tenant != f.Tenant })
		return pageAt(byDue(due(all, f)), cursor, n, wrongBy)
	})
}

func pageAt(all []backend.Item, cursor string, n, wrongBy int) ([]backend.Item, string) {
	from, _ := strconv.Atoi(cursor)
	all = all[min(max(from, 0), len(all)):]
	if len(all) <= n {
		return all, ""
	}
	return all[:n], strconv.Itoa(max(from, 0) + n + wrongBy)
}

func due(all []backend.Item, f backend.Filter) []backend.Item {
	return slices.DeleteFunc(all, func(it backend.Item) bool {
		return !f.DueBefore.IsZero() && (it.DueAt.IsZero() || !it.DueAt.Before(f.DueBefore))
	})
}

func byDue(all []backend.Item) []backend.Item {
	slices.SortStableFunc(all, func(a, b backend.Item) int {
		return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.ID.Subject, b.ID.Subject))
	})
	return all
}

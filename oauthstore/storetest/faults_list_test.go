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
	"an empty database lists nothing": {
		"returns not found": func(h *handle) {
			h.afterList(func(_ backend.Filter, items *[]backend.Item, _ *string, err *error) {
				if len(*items) == 0 {
					*err = backend.ErrNotFound
				}
			})
		},
		"returns a cursor": func(h *handle) {
			h.afterList(func(_ backend.Filter, _ *[]backend.Item, next *string, _ *error) { *next = "0:1" })
		},
	},
	"an item has the whole record": {
		"no data":    func(h *handle) { h.eachItem(func(it *backend.Item) { it.Data = nil }) },
		"no version": func(h *handle) { h.eachItem(func(it *backend.Item) { it.Version = 0 }) },
		"no account": func(h *handle) { h.eachItem(func(it *backend.Item) { it.ID.Account = "" }) },
		"no expiry":  func(h *handle) { h.eachItem(func(it *backend.Item) { it.ExpireAt = time.Time{} }) },
	},
	"a filter matches exactly": {
		"matches prefixes": matchingBy(strings.HasPrefix),
		"ignores case":     matchingBy(strings.EqualFold),
		"matches patterns": matchingBy(func(s, pattern string) bool {
			return s == pattern || strings.HasSuffix(pattern, "%") && strings.HasPrefix(s, pattern[:len(pattern)-1])
		}),
		"ignores the kind":    func(h *handle) { h.beforeList(func(f *backend.Filter, _ *string, _ *int) { f.Kind = "" }) },
		"ignores the subject": func(h *handle) { h.beforeList(func(f *backend.Filter, _ *string, _ *int) { f.Subject = "" }) },
	},
	"pages contain every record once": {
		"returns one page": func(h *handle) {
			h.afterList(func(_ backend.Filter, _ *[]backend.Item, next *string, _ *error) { *next = "" })
		},
		"repeats the first page": func(h *handle) { h.beforeList(func(_ *backend.Filter, cursor *string, _ *int) { *cursor = "" }) },
		"returns n+1 records":    func(h *handle) { h.beforeList(func(_ *backend.Filter, _ *string, n *int) { *n++ }) },
		"skips one":              func(h *handle) { offsets(h, 1) },
		"repeats one":            func(h *handle) { offsets(h, -1) },
	},
	"due records are sorted": {
		"sorts by creation": func(h *handle) {
			h.listAll(func(f backend.Filter, all []backend.Item, cursor string, n int) ([]backend.Item, string) {
				return pageAt(due(all, f), cursor, n, 0)
			})
		},
		"includes records without DueAt": func(h *handle) {
			h.listAll(func(f backend.Filter, all []backend.Item, cursor string, n int) ([]backend.Item, string) {
				all = slices.DeleteFunc(all, func(it backend.Item) bool { return !it.DueAt.Before(f.DueBefore) })
				return pageAt(byDue(all), cursor, n, 0)
			})
		},
		"includes records due at DueBefore": func(h *handle) {
			h.beforeList(func(f *backend.Filter, _ *string, _ *int) { f.DueBefore = f.DueBefore.Add(time.Microsecond) })
		},
		"compares milliseconds": func(h *handle) {
			h.beforeList(func(f *backend.Filter, _ *string, _ *int) { f.DueBefore = f.DueBefore.Truncate(time.Millisecond) })
		},
	},
	"an update changes the order by DueAt": {
		"keeps the first DueAt in the index": func(h *handle) {
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
		"keeps records in the index that are no longer due": func(h *handle) {
			h.beforePut(func(_ *backend.ID, old backend.Record, rec *backend.Record, _ *uint64) error {
				if rec.DueAt.IsZero() {
					rec.DueAt = old.DueAt
				}
				return nil
			})
		},
	},
	"records due at the same time are all listed": {
		"uses the time as cursor": func(h *handle) {
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
	"expired records are listed": {
		"deletes expired records": func(h *handle) {
			h.afterGet(func(_ backend.ID, rec *backend.Record, err *error) {
				if !rec.ExpireAt.IsZero() && rec.ExpireAt.Before(rec.Now) {
					*rec, *err = backend.Record{Now: rec.Now}, backend.ErrNotFound
				}
			})
		},
		"includes records that expire at ExpiredBefore": func(h *handle) {
			h.beforeList(func(f *backend.Filter, _ *string, _ *int) { f.ExpiredBefore = f.ExpiredBefore.Add(time.Microsecond) })
		},
		"lists everything": func(h *handle) {
			h.beforeList(func(f *backend.Filter, _ *string, _ *int) { f.ExpiredBefore = time.Time{} })
		},
	},
	"all fields of a filter must match": {
		"applies one of the times only": func(h *handle) {
			h.beforeList(func(f *backend.Filter, _ *string, _ *int) {
				if !f.DueBefore.IsZero() {
					f.ExpiredBefore = time.Time{}
				}
			})
		},
		"ignores the names in a due filter": func(h *handle) {
			h.beforeList(func(f *backend.Filter, _ *string, _ *int) {
				if !f.DueBefore.IsZero() {
					f.Subject = ""
				}
			})
		},
	},
	"pages are stable during writes": {
		"uses the row number as cursor": func(h *handle) { offsets(h, 0) },
		"uses a row as cursor that may be deleted": func(h *handle) {
			h.listAll(func(f backend.Filter, all []backend.Item, cursor string, n int) ([]backend.Item, string) {
				all = byDue(due(all, f))
				name := func(it backend.Item) bool { return it.ID.Subject == cursor }
				all = all[slices.IndexFunc(all, name)+1:] // from the start if it is deleted
				if len(all) <= n {
					return all, ""
				}
				return all[:n], all[n-1].ID.Subject
			})
		},
	},
	"an invalid page size or cursor is an error": {
		"accepts a page size of 0": func(h *handle) { h.beforeList(func(_ *backend.Filter, _ *string, n *int) { *n = max(*n, 1) }) },
		"returns the first page": func(h *handle) {
			list := h.list
			h.list = func(ctx context.Context, f backend.Filter, cursor string, n int) ([]backend.Item, string, error) {
				items, next, err := list(ctx, f, cursor, n)
				if err != nil && n > 0 {
					return list(ctx, f, "", n)
				}
				return items, next, err
			}
		},
		"returns no records": func(h *handle) {
			h.afterList(func(_ backend.Filter, items *[]backend.Item, _ *string, err *error) {
				if *err != nil && len(*items) == 0 {
					*err = nil
				}
			})
		},
	},
}

// matchingBy makes a filter match names with f.
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

// offsets makes the cursor of List a row number, shifted by wrongBy.
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

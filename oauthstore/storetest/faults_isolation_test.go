package storetest_test

import (
	"net/url"
	"path"
	"strings"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var isolationFaults = map[string]map[string]func(*handle){
	"every part of an id is significant": {
		"ignores the kind":     func(h *handle) { h.renameAll(func(id *backend.ID) { id.Kind = "" }) },
		"ignores the tenant":   func(h *handle) { h.renameAll(func(id *backend.ID) { id.Tenant = "" }) },
		"ignores the subject":  func(h *handle) { h.renameAll(func(id *backend.ID) { id.Subject = "" }) },
		"ignores the provider": func(h *handle) { h.renameAll(func(id *backend.ID) { id.Provider = "" }) },
		"ignores the account":  func(h *handle) { h.renameAll(func(id *backend.ID) { id.Account = "" }) },
		"ignores the server":   func(h *handle) { h.renameAll(func(id *backend.ID) { id.Server = "" }) },
	},
	"ids are compared byte for byte": {
		"folds ASCII case":           partsAre(strings.ToLower),
		"trims":                      partsAre(strings.TrimSpace),
		"pads":                       partsAre(func(s string) string { return strings.TrimRight(s, " ") }),
		"composes":                   partsAre(func(s string) string { return strings.ReplaceAll(s, "e\u0301", "\u00e9") }),
		"cleans paths":               partsAre(path.Clean),
		"unescapes":                  partsAre(func(s string) string { return strings.ReplaceAll(strings.ToUpper(s), "%2F", "/") }),
		"plus is a space":            partsAre(func(s string) string { s, _ = url.QueryUnescape(s); return s }),
		"NULL is empty":              partsAre(func(s string) string { return strings.TrimPrefix(s, "NULL") }),
		"compares numbers":           partsAre(func(s string) string { return strings.ReplaceAll(s, "1e3", "1000") }),
		"drops invisible characters": partsAre(func(s string) string { return strings.TrimPrefix(s, "\ufeff") }),
		"255 bytes":                  partsAre(func(s string) string { return s[:min(len(s), 255)] }),
		"lists trimmed ids": func(h *handle) {
			h.eachItem(func(it *backend.Item) { it.ID.Account = strings.TrimSpace(it.ID.Account) })
		},
	},
	"parts of an id do not run together": {
		"joins without a separator": joinedBy(""),
		"joins with a bar":          joinedBy("|"),
		"joins with a slash":        joinedBy("/"),
		"joins with a colon":        joinedBy(":"),
	},
	"an id may be long": {
		"truncates to 1000 bytes": partsAre(func(s string) string { return s[:min(len(s), 1000)] }),
		"limits the length of index keys": func(h *handle) {
			h.beforePut(func(id *backend.ID, _ backend.Record, _ *backend.Record, _ *uint64) error {
				if len(id.Tenant)+len(id.Subject)+len(id.Server) > 2704 {
					return backend.ErrUnavailable
				}
				return nil
			})
		},
	},
	"databases are separate": {
		"uses one table for all databases": func(h *handle) { h.use(h.database("all")) },
	},
}

// partsAre makes a handle replace every part of an id by f of it.
func partsAre(f func(string) string) func(*handle) {
	return func(h *handle) {
		h.renameAll(func(id *backend.ID) {
			for _, p := range []*string{&id.Kind, &id.Tenant, &id.Subject, &id.Provider, &id.Account, &id.Server} {
				*p = f(*p)
			}
		})
	}
}

// joinedBy makes a handle join the parts of an id to one string.
func joinedBy(sep string) func(*handle) {
	return func(h *handle) {
		h.renameAll(func(id *backend.ID) {
			*id = backend.ID{Kind: strings.Join([]string{id.Kind, id.Tenant, id.Subject, id.Provider, id.Account, id.Server}, sep)}
		})
	}
}

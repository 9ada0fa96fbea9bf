package storetest_test

import (
	"net/url"
	"path"
	"strings"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var isolationFaults = map[string]map[string]func(*handle){
	"every part of an id counts": {
		"not the kind":     func(h *handle) { h.renameAll(func(id *backend.ID) { id.Kind = "" }) },
		"not the tenant":   func(h *handle) { h.renameAll(func(id *backend.ID) { id.Tenant = "" }) },
		"not the subject":  func(h *handle) { h.renameAll(func(id *backend.ID) { id.Subject = "" }) },
		"not the provider": func(h *handle) { h.renameAll(func(id *backend.ID) { id.Provider = "" }) },
		"not the account":  func(h *handle) { h.renameAll(func(id *backend.ID) { id.Account = "" }) },
		"not the server":   func(h *handle) { h.renameAll(func(id *backend.ID) { id.Server = "" }) },
	},
	"ids are compared byte for byte": {
		"folds ASCII case":    partsAre(strings.ToLower),
		"trims":               partsAre(strings.TrimSpace),
		"pads":                partsAre(func(s string) string { return strings.TrimRight(s, " ") }),
		"composes":            partsAre(func(s string) string { return strings.ReplaceAll(s, "e\u0301", "\u00e9") }),
		"cleans paths":        partsAre(path.Clean),
		"unescapes":           partsAre(func(s string) string { return strings.ReplaceAll(strings.ToUpper(s), "%2F", "/") }),
		"a space is a plus":   partsAre(func(s string) string { s, _ = url.QueryUnescape(s); return s }),
		"null is nothing":     partsAre(func(s string) string { return strings.TrimPrefix(s, "NULL") }),
		"numbers are equal":   partsAre(func(s string) string { return strings.ReplaceAll(s, "1e3", "1000") }),
		"drops what it hides": partsAre(func(s string) string { return strings.TrimPrefix(s, "\ufeff") }),
		"255 bytes":           partsAre(func(s string) string { return s[:min(len(s), 255)] }),
		"lists them trimmed": func(h *handle) {
			h.eachItem(func(it *backend.Item) { it.ID.Account = strings.TrimSpace(it.ID.Account) })
		},
	},
	"parts of an id do not run together": {
		"joined by nothing": joinedBy(""),
		"joined by a bar":   joinedBy("|"),
		"joined by a slash": joinedBy("/"),
		"joined by a colon": joinedBy(":"),
	},
	"an id may be long": {
		"counts 1000 bytes": partsAre(func(s string) string { return s[:min(len(s), 1000)] }),
		"has an index that refuses": func(h *handle) {
			h.beforePut(func(id *backend.ID, _ backend.Record, _ *backend.Record, _ *uint64) error {
				if len(id.Tenant)+len(id.Subject)+len(id.Server) > 2704 {
					return backend.ErrUnavailable
				}
				return nil
			})
		},
	},
	"databases do not see each other": {
		"one table for all": func(h *handle) { h.use(h.database("all")) },
	},
}

// partsAre makes a handle take every part of an id for what f makes of it.
func partsAre(f func(string) string) func(*handle) {
	return func(h *handle) {
		h.renameAll(func(id *backend.ID) {
			for _, p := range []*string{&id.Kind, &id.Tenant, &id.Subject, &id.Provider, &id.Account, &id.Server} {
				*p = f(*p)
			}
		})
	}
}

// joinedBy makes a handle take the parts of an id for one string.
func joinedBy(sep string) func(*handle) {
	return func(h *handle) {
		h.renameAll(func(id *backend.ID) {
			*id = backend.ID{Kind: strings.Join([]string{id.Kind, id.Tenant, id.Subject, id.Provider, id.Account, id.Server}, sep)}
		})
	}
}

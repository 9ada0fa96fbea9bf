package memstore_test

import (
	"testing"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/oauthstore/storetest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, _ string) backend.Backend {
		t.Helper()
		m := memstore.New()
		t.Cleanup(func() { _ = m.Close() })
		return m
	}, &storetest.Options{Private: true})
}

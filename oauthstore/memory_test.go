package oauthstore_test

import (
	"testing"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/storetest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, _ string) oauthstore.Backend {
		t.Helper()
		m := oauthstore.NewMemory()
		t.Cleanup(func() { _ = m.Close() })
		return m
	}, &storetest.Options{Private: true})
}

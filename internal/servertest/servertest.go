package servertest

import (
	"os"
	"testing"
)

// Postgres returns the connection string of a PostgreSQL server.
func Postgres(t *testing.T) string {
	t.Helper()
	return need(t, "TOOLGRANT_TEST_POSTGRES", services)
}

// PgBouncer returns the connection string of a PgBouncer in transaction mode in
// front of the server of [Postgres].
func PgBouncer(t *testing.T) string {
	t.Helper()
	return need(t, "TOOLGRANT_TEST_PGBOUNCER", services)
}

// Redis returns the URL of a Redis server.
func Redis(t *testing.T) string {
	t.Helper()
	return need(t, "TOOLGRANT_TEST_REDIS", services)
}

// Node returns the path of a Node with npm's oidc-provider in the folder
// TOOLGRANT_NODE_MODULES.
func Node(t *testing.T) string {
	t.Helper()
	need(t, "TOOLGRANT_NODE_MODULES", npm)
	return need(t, "TOOLGRANT_NODE", npm)
}

// MCPSDK returns the path of a Node with the MCP TypeScript SDK in the folder
// TOOLGRANT_MCP_SDK.
func MCPSDK(t *testing.T) string {
	t.Helper()
	need(t, "TOOLGRANT_MCP_SDK", npm)
	return need(t, "TOOLGRANT_NODE", npm)
}

const (
	services = "source .ci/services"
	npm      = "source .ci/node, then node_packages"
)

// need returns the variable, which the command by sets. Without it the test
// fails in CI and is skipped elsewhere.
func need(t *testing.T, name, by string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" && os.Getenv("CI") != "" {
		t.Fatalf("%s is not set: %s", name, by)
	}
	if v == "" {
		t.Skipf("%s is not set: %s", name, by)
	}
	return v
}

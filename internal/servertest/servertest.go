package servertest

import (
	"os"
	"testing"
)

// Postgres returns the connection string of a PostgreSQL server.
func Postgres(t *testing.T) string {
	t.Helper()
	return need(t, "TOOLGRANT_TEST_POSTGRES")
}

// PgBouncer returns the connection string of a PgBouncer in transaction mode,
// before the server of [Postgres].
func PgBouncer(t *testing.T) string {
	t.Helper()
	return need(t, "TOOLGRANT_TEST_PGBOUNCER")
}

// Redis returns the URL of a Redis server.
func Redis(t *testing.T) string {
	t.Helper()
	return need(t, "TOOLGRANT_TEST_REDIS")
}

// need returns the variable. Without it the test fails in CI and is skipped
// elsewhere.
func need(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" && os.Getenv("CI") != "" {
		t.Fatalf("%s is not set; .ci/services sets it", name)
	}
	if v == "" {
		t.Skipf("left out: %s is not set; source .ci/services sets it", name)
	}
	return v
}

package keyset

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("TOOLGRANT_TEST_READ_KEYSET"); path != "" {
		if _, err := File(path).Read(context.Background()); err != nil {
			_, _ = fmt.Fprint(os.Stdout, err)
			return
		}
		_, _ = fmt.Fprint(os.Stdout, "read")
		return
	}
	goleak.VerifyTestMain(m)
}

// Package sleep waits for a time that a context may cut short.
//
//	if err := sleep.For(ctx, delay); err != nil {
//		return err
//	}
package sleep

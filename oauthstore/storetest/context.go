package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var contextRules = []rule{
	{
		name: "a canceled context changes nothing",
		text: "with a canceled context every method returns an error that matches context.Canceled, and changes nothing",
		check: func(c *testCase) {
			ctx, cancel := context.WithCancel(c.ctx)
			cancel()
			c.doesNothing(ctx, context.Canceled)
		},
	},
	{
		name: "a passed deadline changes nothing",
		text: "with a context past its deadline every method returns an error that matches context.DeadlineExceeded, and changes nothing",
		check: func(c *testCase) {
			ctx, cancel := context.WithDeadline(c.ctx, time.Unix(1, 0))
			defer cancel()
			c.doesNothing(ctx, context.DeadlineExceeded)
		},
	},
	{
		name: "no error contains data",
		text: "the text of an error, with any verb and at any depth, never contains Data, stored or passed",
		check: func(c *testCase) {
			const canary = "CANARY-7f3a9c"
			stored := backend.Record{Version: 1, Data: []byte("stored " + canary)}
			put := backend.Record{Version: 2, Data: []byte("put " + canary)}
			c.create(id("u"), stored)
			cancelled, cancel := context.WithCancel(c.ctx)
			cancel()
			errs := []error{
				c.backend.Put(c.ctx, id("u"), put, 0),
				c.backend.Put(c.ctx, id("u"), put, 9),
				c.backend.Put(c.ctx, id("v"), put, 9),
				c.backend.Put(cancelled, id("u"), put, 1),
				c.backend.Delete(c.ctx, id("u"), 9),
			}
			if closer, ok := c.backend.(io.Closer); ok {
				require.NoError(c, closer.Close())
				errs = append(errs, c.backend.Put(c.ctx, id("u"), put, 1))
			}
			for _, err := range errs {
				require.Error(c, err)
				for _, text := range texts(err) {
					require.NotContains(c, text, canary)
				}
			}
		},
	},
}

// texts returns the printed forms of err and of all errors that it wraps.
func texts(err error) []string {
	if err == nil {
		return nil
	}
	out := []string{err.Error(), fmt.Sprintf("%v", err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), fmt.Sprintf("%x", err)}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			out = append(out, texts(e)...)
		}
	}
	return append(out, texts(errors.Unwrap(err))...)
}

// doesNothing requires that every method fails and changes nothing with ctx,
// which is done.
func (c *testCase) doesNothing(ctx context.Context, want error) {
	c.create(id("u"), rec(1))
	_, err := c.backend.Get(ctx, id("u"))
	require.ErrorIs(c, err, want, "Get")
	_, err = c.backend.Get(ctx, id("missing"))
	require.ErrorIs(c, err, want, "Get without a record")
	require.ErrorIs(c, c.backend.Put(ctx, id("u"), rec(2), 1), want, "Put")
	require.ErrorIs(c, c.backend.Put(ctx, id("new"), rec(2), 0), want, "Put that creates")
	require.ErrorIs(c, c.backend.Delete(ctx, id("u"), 1), want, "Delete")
	_, _, err = c.backend.List(ctx, backend.Filter{}, "", 10)
	require.ErrorIs(c, err, want, "List")

	c.stored(c.backend, id("u"), rec(1))
	c.absent(c.backend, id("new"))
}

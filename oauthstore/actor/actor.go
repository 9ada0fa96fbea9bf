package actor

import "context"

type key struct{}

// With returns a context that says who acts, in words of the program's own such
// as "u_42" or "support:jane".
func With(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, key{}, name)
}

// Of returns the actor of a context, "" if there is none.
func Of(ctx context.Context) string {
	name, _ := ctx.Value(key{}).(string)
	return name
}

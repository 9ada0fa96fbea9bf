// Package storeotel tells OpenTelemetry what happens to the credentials of a
// store.
//
//	observe, err := storeotel.Observer(otel.Meter("app"), otel.Tracer("app"))
//	creds, err := oauthstore.New(backend, keys, &oauthstore.Options{Observer: observe})
//
// # Security
//
// Attributes name the provider, the kind of event and its reason, and never
// the tenant, the user, an account or a URL: those are many, and they are
// personal data.
package storeotel

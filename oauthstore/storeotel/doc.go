// Package storeotel reports the events of a credential store to OpenTelemetry.
//
//	observe, err := storeotel.Observer(otel.Meter("app"), otel.Tracer("app"))
//	creds, err := oauthstore.New(backend, keys, &oauthstore.Options{Observer: observe})
//
// # Security
//
// Attributes contain the provider, the type of event and its reason, but never
// the tenant, the user, an account or a URL, which have too many values and are
// personal data.
package storeotel

// Package backend is the interface between oauthstore.Store and a database.
// Programs that use one of the stores of this module don't need it; a store
// for another database implements [Backend]:
//
//	type Backend struct{ … }
//
//	func (b *Backend) Get(ctx context.Context, id backend.ID) (backend.Record, error)
//	func (b *Backend) Put(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error
//	func (b *Backend) Delete(ctx context.Context, id backend.ID, ifVersion uint64) error
//	func (b *Backend) List(ctx context.Context, f backend.Filter, cursor string, n int) ([]backend.Item, string, error)
//
//	creds, err := oauthstore.New(b, sealer, nil)
//
// A backend stores opaque bytes under a version. Sealing, caching and
// refreshing are the Store's work. Package storetest checks an implementation.
package backend

// Package deletion describes the result of the deletion of an owner or a
// tenant, as oauthstore.Store.DeleteOwner and DeleteTenant return it.
//
//	report, err := store.DeleteTenant(ctx, "acme")
//	if err == nil && report.RevokeFailed > 0 {
//		// The next sweeps try these again.
//	}
package deletion

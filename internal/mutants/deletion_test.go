package mutants_test

// deletionMutations break promises of DeleteOwner, DeleteTenant and storecopy.
var deletionMutations = []mutation{
	{
		name: "consents outlive their owner", file: "oauthstore/delete.go",
		old:     "\t\terr = d.consents(ctx)\n",
		changed: "\t\terr = nil\n",
		pkg:     "./oauthstore", run: "TestDeletedTenantLeavesNothing",
		promise: "nothing of a deleted tenant is left",
	},
	{
		name: "tokens forgotten before they are revoked", file: "oauthstore/bury.go",
		old:     "Tombstone: now, Revocation: pending,",
		changed: "Tombstone: now,",
		pkg:     "./oauthstore", run: "TestInterruptedDeletionIsResumed",
		promise: "a crash loses no revocation",
	},
	{
		name: "sweep does not repeat revocations", file: "oauthstore/refresh.go",
		old:     "\t\treturn r.Revocation.NextAttempt",
		changed: "\t\treturn time.Time{}",
		pkg:     "./oauthstore", run: "TestFailedRevocationOfADeletedCredentialIsTriedAgain",
		promise: "a failed revocation is tried again",
	},
	{
		name: "old read cached after a deletion", file: "oauthstore/bury.go",
		old:     "s.cache.drop(key) // a read",
		changed: "s.cache.snapshots.Invalidate(key) // a read",
		pkg:     "./oauthstore", run: "TestReadFromBeforeTheDeletionIsNotCached",
		promise: "no cache brings a deleted credential back",
	},
	{
		name: "consent in flight restores a deleted owner", file: "oauthstore/connect/finish.go",
		old:     "\t_, err := c.store.Disconnect(ctx, mark.Key)\n\treturn errors.Join(gone, err)",
		changed: "\treturn gone",
		pkg:     "./oauthstore/connect", run: "TestConsentInFlightDoesNotRestoreADeletedOwner",
		promise: "a consent in flight does not restore a deleted owner",
	},
	{
		name: "failed seal taken for an unreadable record", file: "oauthstore/disconnect.go",
		old:     "\t\t_, err = s.records.snapshot(ctx, backend.Item{ID: id, Record: row})\n",
		changed: "\t\terr = cause\n",
		pkg:     "./oauthstore", run: "TestACredentialThatOpensIsRevokedBeforeItsRecordIsDeleted",
		promise: "a credential that can be read is revoked, or kept",
	},
	{
		name: "keyset out of reach taken for a lost key", file: "oauthstore/keyset/reload.go",
		old:     "func (unreadError) Temporary() bool { return true }",
		changed: "func (unreadError) Temporary() bool { return false }",
		pkg:     "./oauthstore", run: "TestAKeysetThatIsOutOfReachLosesNoToken|TestAKeysetThatIsOutOfReachReplacesNothing",
		promise: "an outage of a KMS destroys no credential",
	},
	{
		name: "client deleted before its credential is revoked", file: "oauthstore/delete.go",
		old:     "\t\terr = d.first // its",
		changed: "\t\terr = nil // its",
		pkg:     "./oauthstore", run: "TestADeletionWaitsForTheKeyOfWhatElseItHasToRead",
		promise: "a deletion that has failed still revokes when it is called again",
	},
	{
		name: "copy into a store with other records", file: "oauthstore/storecopy/storecopy.go",
		old:     "if _, err := c.checkTarget(ctx); err != nil {",
		changed: "if _, err := c.checkTarget(ctx); err != nil && false {",
		pkg:     "./oauthstore/storecopy", run: "TestTargetWithOtherRecordsIsNotWritten",
		promise: "a move never mixes two stores",
	},
	{
		name: "copy not compared", file: "oauthstore/storecopy/storecopy.go",
		old:     "\tif err := c.checkSource(ctx); err != nil {",
		changed: "\tif err := error(nil); err != nil {",
		pkg:     "./oauthstore/storecopy", run: "TestSourceThatIsWrittenDuringTheCopyIsAnError",
		promise: "a move is verified record by record",
	},
}

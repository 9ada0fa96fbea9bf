package oauthstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAPairIsServedFromMemoryWhileItIsSaved(t *testing.T) {
	t.Parallel()
	var u unsavedPairs
	key := Key{Provider: "p"}
	base := newSnapshot(&storedCredential{Grant: "g", Generation: 1, Access: "old"}, 7, time.Now())
	p := &pair{grant: "g", generation: 1, access: NewSecret("new")}

	u.serve(key, p, base)
	assert.Nil(t, u.snapshot(key), "its save is not running")
	u.add(key, p)
	assert.Nil(t, u.snapshot(key), "the save has its budget first")
	u.serve(key, p, base)
	sn := u.snapshot(key)
	require.NotNil(t, sn)
	assert.Equal(t, "new", sn.token.AccessToken.Expose())
	assert.EqualValues(t, 2, sn.cred.Generation)
	assert.Equal(t, "old", base.cred.Access, "the base is unchanged")

	verified := newSnapshot(sn.cred.clone(), 7, time.Now())
	u.update(key, verified)
	assert.Same(t, verified, u.snapshot(key))
	u.update(key, newSnapshot(&storedCredential{Grant: "other", Generation: 2}, 7, time.Now()))
	assert.Same(t, verified, u.snapshot(key), "it is of another grant")

	u.remove(key, &pair{})
	assert.NotNil(t, u.snapshot(key), "the save of another pair has finished")
	u.remove(key, p)
	assert.Nil(t, u.snapshot(key))
}

func TestADroppedPairIsNotServedAgain(t *testing.T) {
	t.Parallel()
	var u unsavedPairs
	key := Key{Provider: "p"}
	p := &pair{access: NewSecret("new")}
	u.add(key, p)
	u.drop(key)
	u.serve(key, p, newSnapshot(&storedCredential{}, 1, time.Now()))
	assert.Nil(t, u.snapshot(key))
	u.update(key, newSnapshot(&storedCredential{}, 1, time.Now()))
	assert.Nil(t, u.snapshot(key))
}

package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

func TestPurgeSaysWhatItDeleted(t *testing.T) {
	t.Parallel()
	v := newPurgeView(map[string]int{backend.KindCredential: 1, backend.KindFlow: 20, backend.KindRegistration: 2, "of a later release": 1})
	assert.Equal(t, "Deleted 24 records: 1 disconnected credential, 20 consents, 2 clients.\n", v.text())
	data, err := json.Marshal(v)
	require.NoError(t, err)
	assert.JSONEq(t, `{"purged":24,"tombstones":1,"flows":20,"registrations":2}`, string(data))
}

package oauthstore

import (
	"encoding/base64"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// recordOfFormat2 is fullRecord as format 2 seals it. Later releases must read
// it: add fields, never change their numbers.
const recordOfFormat2 = "AgMLc3ludGhldGljLUMEgICAgIBgBoCAgICAgAEJC3N5bnRoZXRpYy1GCwtzeW50aGV0aWMtRw0Lc3ludGhldGljLUgPHAFhC3N5bnRoZXRpYy1hAWILc3ludGhldGljLWIRDAAAAABq5w2pB1vNFRMMAAAAAGrnDaoHW80VFAEpC3N5bnRoZXRpYy1NKwtzeW50aGV0aWMtTi0Lc3ludGhldGljLU8vC3N5bnRoZXRpYy1QMAEzC3N5bnRoZXRpYy1SNQtzeW50aGV0aWMtUzcLc3ludGhldGljLVQ5C3N5bnRoZXRpYy1VOwtzeW50aGV0aWMtVj0Lc3ludGhldGljLVc/EA5zeW50aGV0aWMtbGlzdABBEA5zeW50aGV0aWMtbGlzdABQAVIBVBxXEA5zeW50aGV0aWMtbGlzdABYAVoBXRAOc3ludGhldGljLWxpc3QAXwtzeW50aGV0aWMtSHkLc3ludGhldGljLUt7C3N5bnRoZXRpYy1MfQtzeW50aGV0aWMtTX8MAAAAAGrnDccHW80VgAGAgICAgIAKggEBhAEBhwEMAAAAAGrnDcsHW80ViAGAgICAgIALiwEMAAAAAGrnDdMHW80VjAGAgICAgIANjgEBkQE1AwtzeW50aGV0aWMtVgULc3ludGhldGljLVcHC3N5bnRoZXRpYy1YCQwAAAAAaucN0gdbzRWhAUsDC3N5bnRoZXRpYy1FBQtzeW50aGV0aWMtRgaAgICAgMAOCQtzeW50aGV0aWMtSAsMAAAAAGrnDdwHW80VDQwAAAAAaucN3QdbzRWjAR0DDAAAAABq5w3gB1vNFQULc3ludGhldGljLU4GQqUBSQMMAAAAAGrnDeUHW80VBEYHC3N5bnRoZXRpYy1UCQtzeW50aGV0aWMtVQpJDQwAAAAAaucN6gdbzRUOSxELc3ludGhldGljLVmnAQtzeW50aGV0aWMtWqkBDAAAAABq5w3uB1vNFasBYgMLc3ludGhldGljLUQFC3N5bnRoZXRpYy1FBygDC3N5bnRoZXRpYy1IBQtzeW50aGV0aWMtSQcMAAAAAGrnDfcHW80VCFgLDAAAAABq5w35B1vNFQ0MAAAAAGrnDfoHW80V"

// fullRecord returns a record in which no field is zero.
func fullRecord(t require.TestingT) *storedCredential {
	var r storedCredential
	n := 0
	fill(t, reflect.ValueOf(&r).Elem(), &n)
	return &r
}

// fill sets every field of v to a value of its own.
func fill(t require.TestingT, v reflect.Value, n *int) {
	*n++
	at := time.Date(2026, 11, 1, 10, 0, *n, 123456789, time.UTC)
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(at))
	case v.Kind() == reflect.String:
		v.SetString("synthetic-" + string(rune('A'+*n%26)))
	case v.CanInt():
		v.SetInt(int64(*n))
	case v.CanUint():
		v.SetUint(uint64(*n) << 40)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.ValueOf([]string{"synthetic-list", ""}))
	case v.Kind() == reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"b": "synthetic-b", "a": "synthetic-a"}))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case v.Kind() == reflect.Struct:
		for _, field := range v.Fields() {
			fill(t, field, n)
		}
	default:
		require.Fail(t, "no value for a "+v.Type().String())
	}
}

func TestEveryFieldOfARecordIsStored(t *testing.T) {
	t.Parallel()
	want := fullRecord(t)
	data, err := want.encode()
	require.NoError(t, err)
	have, err := decodeCredential(data)
	require.NoError(t, err)
	assert.Equal(t, want, have)
}

func TestTheRecordFormatStays(t *testing.T) {
	t.Parallel()
	want := fullRecord(t)
	want.Imported = "" // later than this record
	stored, err := base64.StdEncoding.DecodeString(recordOfFormat2)
	require.NoError(t, err)
	have, err := decodeCredential(stored)
	require.NoError(t, err)
	assert.Equal(t, want, have)
	again, err := want.encode()
	require.NoError(t, err)
	assert.Equal(t, recordOfFormat2, base64.StdEncoding.EncodeToString(again))

	later, err := (&storedCredential{Imported: "synthetic"}).encode()
	require.NoError(t, err)
	assert.Equal(t, "\x02\x17\x09synthetic", string(later))
}

func TestEmptyAndAbsentPartsOfARecordStayDifferent(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]*storedCredential{
		"nothing":     {},
		"empty parts": {Secrets: map[string]string{}, Provenance: Provenance{ScopesGranted: []string{}}, Intent: &intent{}, Revocation: &pendingRevocation{Client: &savedClient{}}},
		"no UTF-8":    {Access: "\xff\x00", Provenance: Provenance{ScopesAsked: []string{"\xfe"}}},
		"extremes":    {Generation: 1<<64 - 1, Profile: TokenProfile{TTL: -1}, Issued: time.Unix(firstSecond, 0).UTC(), Expiry: time.Unix(lastSecond, 999999999).UTC()},
	} {
		data, err := want.encode()
		require.NoError(t, err, name)
		have, err := decodeCredential(data)
		require.NoError(t, err, name)
		assert.Equal(t, want, have, name)
	}
}

func TestATimeThatNoBackendKeepsIsRefused(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{time.Unix(firstSecond-1, 0), time.Unix(lastSecond+1, 0)} {
		_, err := (&storedCredential{Expiry: at}).encode()
		require.Error(t, err)
		_, err = (&storedCredential{Intent: &intent{Deadline: at}}).encode()
		require.Error(t, err)
	}
}

func TestARecordOfAnotherFormatIsRefused(t *testing.T) {
	t.Parallel()
	_, err := decodeCredential([]byte("\x03synthetic-access"))
	require.ErrorIs(t, err, ErrMisconfigured)
	require.ErrorContains(t, err, "format 3")
}

// A later release may add fields. This one skips them, wherever they are.
func TestUnknownFieldsOfARecordAreSkipped(t *testing.T) {
	t.Parallel()
	want := &storedCredential{Grant: "g", Access: "synthetic-access", Tombstone: time.Unix(1, 0).UTC()}
	data, err := encodeFields([]byte{credentialFormat}, func(c *codec) {
		textField(c, 1, &want.Grant)
		textField(c, 4, &want.Access)
		more, number := "synthetic-more", 7
		textField(c, 15, &more)
		numberField(c, 16, &number)
		c.time(84, &want.Tombstone)
		textField(c, 1000, &more)
		numberField(c, 1001, &number)
	})
	require.NoError(t, err)
	have, err := decodeCredential(data)
	require.NoError(t, err)
	assert.Equal(t, want, have)
}

func TestADamagedRecordIsAnErrorWithoutItsText(t *testing.T) {
	t.Parallel()
	full, err := fullRecord(t).encode()
	require.NoError(t, err)
	damaged := map[string][]byte{
		"empty": {}, "text": []byte("synthetic-access"), "JSON": []byte(`{"access_token":"synthetic-access"}`),
		"a number twice":        {credentialFormat, 2 << 1, 1, 2 << 1, 1},
		"falling numbers":       {credentialFormat, 3 << 1, 1, 2 << 1, 1},
		"number 0":              {credentialFormat, 0, 1},
		"text as an integer":    {credentialFormat, 1 << 1, 1},
		"integer as a text":     {credentialFormat, 2<<1 | 1, 1, 'x'},
		"more than 64 bits":     {credentialFormat, 2 << 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2},
		"time of three bytes":   {credentialFormat, 8<<1 | 1, 3, 1, 2, 3},
		"nanoseconds too large": {credentialFormat, 8<<1 | 1, 12, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0},
		"year too large":        {credentialFormat, 8<<1 | 1, 12, 0x7f, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0},
		"a name without a text": {credentialFormat, 7<<1 | 1, 2, 1, 'a'},
		"list cut off":          {credentialFormat, 7<<1 | 1, 2, 5, 'a'},
		"unknown part cut off":  {credentialFormat, 19<<1 | 1, 200},
	}
	for name, data := range damaged {
		_, err := decodeCredential(data)
		require.ErrorIs(t, err, backend.ErrSeal, name)
		assert.NotContains(t, err.Error(), "synthetic", name)
	}
	for n := range full { // a record that was cut off lacks fields at most
		if r, err := decodeCredential(full[:n]); err == nil {
			assert.NotEqual(t, fullRecord(t), r, n)
		}
	}
}

func FuzzDecodeRecord(f *testing.F) {
	full, err := fullRecord(f).encode()
	require.NoError(f, err)
	f.Add(full)
	f.Add([]byte{credentialFormat})
	f.Add([]byte{credentialFormat, 7<<1 | 1, 0, 31<<1 | 1, 0, 80<<1 | 1, 0})
	f.Add([]byte(`{"format":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeCredential(data)
		if err != nil {
			return
		}
		_ = r.status(Key{}, time.Now())
		_ = r.dueAt()
		again, err := r.encode()
		require.NoError(t, err)
		same, err := decodeCredential(again)
		require.NoError(t, err)
		require.Equal(t, r, same)
	})
}

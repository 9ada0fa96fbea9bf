package connect_test

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
)

// forUsers is what a handler needs of an error to respond to its user.
type forUsers interface {
	error
	HTTPStatus() int
	PublicMessage() string
}

var (
	_ forUsers = (*mcptools.Failure)(nil)
	_ forUsers = (*oauthstore.Error)(nil)
	_ forUsers = (*connect.Error)(nil)
)

// kindConstants matches the kinds in errors.go.
var kindConstants = regexp.MustCompile(`Kind += "([a-z_]+)"`)

func TestEveryKindHasAStatusAndAMessageForUsers(t *testing.T) {
	t.Parallel()
	want := map[connect.Kind]struct {
		status  int
		message string // its beginning
	}{
		connect.KindDenied:         {http.StatusForbidden, "example was not connected. The request was declined"},
		connect.KindStateUnknown:   {http.StatusBadRequest, "This link is not valid. "},
		connect.KindStateUsed:      {http.StatusConflict, "This page was used before. "},
		connect.KindExpired:        {http.StatusGone, "That took too long. "},
		connect.KindWrongBrowser:   {http.StatusForbidden, "This belongs to another browser. "},
		connect.KindWrongOwner:     {http.StatusForbidden, "Another account started this. "},
		connect.KindUntrusted:      {http.StatusBadGateway, "example could not be verified. "},
		connect.KindNoClient:       {http.StatusInternalServerError, "example is not set up yet. "},
		connect.KindClientReplaced: {http.StatusServiceUnavailable, "example does not respond now. "},
		connect.KindUnsupported:    {http.StatusInternalServerError, "example can't be connected. "},
		connect.KindRefused:        {http.StatusBadGateway, "example refused. "},
		connect.KindWrongToken:     {http.StatusInternalServerError, "example needs another kind of access token. "},
		connect.KindWrongAudience:  {http.StatusConflict, "example was not connected. The sign-in gave access to another service"},
		connect.KindRejected:       {http.StatusConflict, "example rejected the access token. "},
		connect.KindTooManySteps:   {http.StatusTooManyRequests, "example asks for permissions again and again. "},
		connect.KindTimeout:        {http.StatusGone, "That took too long. "},
		connect.KindMisconfigured:  {http.StatusInternalServerError, "example is not set up yet. "},
		connect.KindUnavailable:    {http.StatusServiceUnavailable, "example does not respond now. "},
	}
	assert.Len(t, want, len(kindsIn(t, "errors.go")))
	for kind, w := range want {
		e := &connect.Error{
			Op: "begin", Kind: kind, Key: oauthstore.Key{Provider: "example", Owner: oauthstore.Owner{Tenant: "acme", Subject: "u-canary"}},
			Detail: "canary", Said: "canary", Obtain: "canary", Err: &oauthstore.Error{Detail: "canary"},
		}
		assert.Equal(t, w.status, e.HTTPStatus(), kind)
		assert.Regexp(t, "^"+regexp.QuoteMeta(w.message), e.PublicMessage())
		assert.NotContains(t, e.PublicMessage(), "canary")
		assert.Regexp(t, `^[A-Z].*\.$`, (&connect.Error{Kind: kind}).PublicMessage(), "without a provider")
	}
}

// A kind that packages mcptools and connect both use means the same in both, so
// that handlers and scripts branch on the word alone.
func TestNoKindMeansTwoThings(t *testing.T) {
	t.Parallel()
	mine, theirs := kindsIn(t, "errors.go"), kindsIn(t, "../../mcptools/failure.go")
	shared := []string{"misconfigured", "temporarily_unavailable", "unsupported", "wrong_audience", "wrong_token_kind"}
	for _, kind := range mine {
		if !slices.Contains(theirs, kind) {
			continue
		}
		assert.Contains(t, shared, kind)
		failure := &mcptools.Failure{Kind: mcptools.Kind(kind), Action: mcptools.Kind(kind).Action()}
		assert.Equal(t, failure.HTTPStatus(), (&connect.Error{Kind: connect.Kind(kind)}).HTTPStatus(), kind)
	}
	assert.Subset(t, mine, shared)
	assert.Subset(t, theirs, shared)
}

// kindsIn returns the words of the kinds that a file declares.
func kindsIn(t *testing.T, file string) []string {
	t.Helper()
	source, err := os.ReadFile(file)
	require.NoError(t, err)
	var kinds []string
	for _, m := range kindConstants.FindAllStringSubmatch(string(source), -1) {
		kinds = append(kinds, m[1])
	}
	return kinds
}

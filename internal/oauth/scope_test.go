package oauth_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/internal/oauth"
)

func TestScopesAreChosen(t *testing.T) {
	t.Parallel()
	offline := &oauth.ServerMetadata{Scopes: []string{"offline_access", "x"}}
	plain := &oauth.ServerMetadata{Scopes: []string{"x"}}
	for name, c := range map[string]struct {
		choice oauth.ScopeChoice
		want   []string
	}{
		"the challenge first":                        {oauth.ScopeChoice{Challenge: []string{"b", "a"}, Resource: []string{"c"}, Default: []string{"d"}}, []string{"a", "b"}},
		"then the metadata":                          {oauth.ScopeChoice{Resource: []string{"c", "a"}, Default: []string{"d"}}, []string{"a", "c"}},
		"then the default":                           {oauth.ScopeChoice{Default: []string{"d"}}, []string{"d"}},
		"then none":                                  {oauth.ScopeChoice{}, nil},
		"a step-up is a union":                       {oauth.ScopeChoice{Challenge: []string{"write"}, Before: []string{"read", "write"}}, []string{"read", "write"}},
		"offline where listed":                       {oauth.ScopeChoice{Resource: []string{"a"}, Server: offline, Offline: true}, []string{"a", "offline_access"}},
		"offline alone":                              {oauth.ScopeChoice{Server: offline, Offline: true}, []string{"offline_access"}},
		"offline not requested":                      {oauth.ScopeChoice{Resource: []string{"a"}, Server: offline}, []string{"a"}},
		"offline not listed":                         {oauth.ScopeChoice{Resource: []string{"a"}, Server: plain, Offline: true}, []string{"a"}},
		"offline with an unknown server":             {oauth.ScopeChoice{Resource: []string{"a"}, Offline: true}, []string{"a"}},
		"offline listed by the resource only":        {oauth.ScopeChoice{Resource: []string{"a", "offline_access"}, Server: plain, Offline: true}, []string{"a"}},
		"offline alone, listed by the resource only": {oauth.ScopeChoice{Resource: []string{"offline_access"}, Default: []string{"d"}, Server: plain}, []string{"d"}},
		"offline in a challenge is kept":             {oauth.ScopeChoice{Challenge: []string{"offline_access"}, Server: plain}, []string{"offline_access"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, c.choice.Scopes())
			assert.Equal(t, c.want, c.choice.Scopes(), "the same every time")
		})
	}
}

func TestScopesDoesNotModifyItsInputs(t *testing.T) {
	t.Parallel()
	list := append(make([]string, 0, 8), "b", "a", "offline_access")
	c := oauth.ScopeChoice{Challenge: list[:2], Resource: list, Server: &oauth.ServerMetadata{Scopes: []string{"offline_access"}}, Offline: true}
	c.Scopes()
	c.Challenge = nil
	c.Scopes()
	assert.Equal(t, []string{"b", "a", "offline_access"}, list)
}

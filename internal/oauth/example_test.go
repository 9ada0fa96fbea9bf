package oauth_test

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/toolgrant/toolgrant/internal/oauth"
)

func ExampleParseChallenges() {
	h := http.Header{}
	h.Add("WWW-Authenticate", `DPoP algs="ES256"`)
	h.Add("WWW-Authenticate", `Bearer error="insufficient_scope", scope="tasks:write tasks:read"`)
	all := oauth.ParseChallenges(h)
	c, ok := oauth.BearerChallenge(all)
	fmt.Println(len(all), ok, c.Error, c.Scopes)
	// Output: 2 true insufficient_scope [tasks:read tasks:write]
}

func ExampleCallback_Code() {
	callback, err := oauth.ParseCallback("https://app.example/cb?code=synthetic&state=s1&iss=https%3A%2F%2Fother.example")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = callback.Code(oauth.Expected{State: "s1", Issuer: "https://as.example"})
	fmt.Println(errors.Is(err, oauth.ErrIssuerMismatch), err)
	// Output: true oauth: authorization: rejected: unexpected issuer
}

func ExampleScopeChoice() {
	fmt.Println(oauth.ScopeChoice{
		Challenge: []string{"tasks:write"},
		Before:    []string{"tasks:read"},
		Server:    &oauth.ServerMetadata{Scopes: []string{"offline_access"}},
		Offline:   true,
	}.Scopes())
	// Output: [offline_access tasks:read tasks:write]
}

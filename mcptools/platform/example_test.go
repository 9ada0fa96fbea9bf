package platform_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// The same builder options give an entry that is right for the platform: Groq reads
// the token from the headers.
func ExamplePlatform() {
	creds := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
		return oauthstore.Token{AccessToken: oauthstore.NewSecret("synthetic-token")}, nil
	})
	for _, p := range []platform.Platform{platform.OpenAI(), platform.Groq()} {
		b, err := mcptools.NewBuilder(providers.Linear(), creds, &mcptools.Options{Platform: p, InsecureSkipProbe: true})
		if err != nil {
			panic(err)
		}
		tool, err := b.Build(context.Background(), oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, nil)
		if err != nil {
			panic(err)
		}
		var entry struct {
			Authorization string            `json:"authorization"`
			Headers       map[string]string `json:"headers"`
		}
		raw, err := json.Marshal(tool)
		if err != nil {
			panic(err)
		}
		if err := json.Unmarshal(raw, &entry); err != nil {
			panic(err)
		}
		fmt.Printf("%s: %q %q\n", p.Name, entry.Authorization, entry.Headers)
	}
	// Output:
	// OpenAI: "synthetic-token" map[]
	// Groq: "" map["Authorization":"Bearer synthetic-token"]
}

// On these platforms no user can approve a call.
func ExamplePlatform_Takes() {
	for _, p := range platform.All() {
		if p.Takes(platform.FieldApproval) != platform.Taken {
			fmt.Println(p.ID, p.Approval)
		}
	}
	// Output:
	// alibaba none
	// bedrock none
	// lmstudio none
	// perplexity none
	// xai none
}

// A program that knows only its base URL finds the platform.
func ExampleOf() {
	for _, raw := range []string{"https://acme.openai.azure.com/openai/v1", "https://api.x.ai/v1", "https://gateway.example.com/v1"} {
		u, err := url.Parse(raw)
		if err != nil {
			panic(err)
		}
		p, ok := platform.Of(u)
		fmt.Printf("%q %v\n", p.Name, ok)
	}
	// Output:
	// "Azure OpenAI" true
	// "xAI" true
	// "" false
}

// Each platform says where its facts come from.
func ExampleLookup() {
	p, ok := platform.Lookup("groq")
	fmt.Println(ok, p.Bearer(), p.Takes(platform.FieldAuthorization) == platform.Taken)
	fmt.Println(p.Source.Text, p.Source.Confidence)
	// Output:
	// true headers.Authorization false
	// console.groq.com/docs/tool-use/remote-mcp medium
}

package doctor_test

import (
	"context"
	"fmt"

	"github.com/toolgrant/toolgrant/mcptools/doctor"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A token of the vendor's REST API has a valid format, but the MCP server
// rejects it.
func ExampleExamine() {
	world, err := lab.Start(nil) // replaces a vendor
	if err != nil {
		panic(err)
	}
	defer world.Close()
	notes := world.Server("notes")
	for _, token := range []string{world.Key("notes", "mia"), world.RESTToken("notes", "mia")} {
		report := doctor.Examine(context.Background(), doctor.Case{
			Provider: providers.Custom("notes", notes.MCPURL, nil), ServerURL: notes.MCPURL,
			Token: &oauthstore.Token{AccessToken: oauthstore.NewSecret(token)},
		}, &doctor.Options{InsecureAllowLoopback: true})
		last := report.Steps[len(report.Steps)-1]
		fmt.Printf("%s: %q, %q (%s: %v)\n", report.Verdict, report.Cause, report.Action, last.Name, last.OK)
	}
	// Output:
	// ok: "", "none" (probe: true)
	// failing: "wrong_audience", "reconnect" (probe: false)
}

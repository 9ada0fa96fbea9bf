package main

import (
	"testing"

	"github.com/toolgrant/toolgrant/internal/browsertest"
)

func TestSiteInChromium(t *testing.T) {
	t.Parallel()
	site := start(t, "")
	driver := browsertest.Start(t)
	for name, screen := range map[string]browsertest.Screen{
		"wide": {Width: 1280, Height: 900}, "narrow": {Width: 390, Height: 844, Dark: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tab := driver.Open(t)
			defer tab.Close(t)
			tab.Show(t, screen)
			look := func(picture string) {
				tab.Fits(t)
				tab.Accessible(t)
				tab.Picture(t, "webapp-"+name+"-"+picture)
			}
			tab.Visit(t, site)
			look("sign-in")
			user := map[string]string{"wide": "mia", "narrow": "noa"}[name]
			tab.Click(t, "button[value="+user+"]")

			// Not connected: the link of the message, and back.
			tab.Reads(t, "#status", "")
			tab.Click(t, ".example:nth-of-type(1)")
			tab.Reads(t, "li:last-child", "I have no tools for that.")
			tab.Reads(t, ".failure p", "Notes is not connected: connect your account and try again.")
			look("not-connected")
			tab.Click(t, ".failure a")
			tab.Reads(t, "h1", "Connect Notes")
			tab.Click(t, "button")
			tab.Reads(t, "h1", "Acme assistant")
			tab.Reads(t, ".failure + .failure p", "Tasks is not connected: connect your account and try again.")
			tab.Click(t, ".failure + .failure a")
			tab.Reads(t, "h1", "Connect Tasks")
			tab.Click(t, "button")
			tab.Reads(t, "h1", "Acme assistant")
			tab.Reads(t, ".failure p", "Notes is not connected: connect your account and try again.")

			// Calls as they happen, one approved and one denied.
			tab.Click(t, ".failure button")
			tab.Reads(t, "li:last-child", "notes/search: 2 notes of user: \"Quarterly report\" and \"Printer paper\"\ntasks/search: 2 tasks of user: \"Quarterly report\" and \"Printer paper\"")
			look("answer")
			for _, decision := range []string{"1", "2"} {
				tab.Click(t, ".example:nth-of-type(2)")
				tab.Reads(t, ".approval p", "May the assistant call notes: write {\"text\":\"Buy printer paper\"}?")
				look("approval")
				tab.Click(t, ".approval button:nth-of-type("+decision+")")
				tab.Reads(t, "li:last-child", map[string]string{"1": "Done: notes/write: added \"Buy printer paper\"", "2": "Done: "}[decision])
			}
			tab.Reads(t, ".call.bad", "✗ Denied notes: write {\"text\":\"Buy printer paper\"}")

			// The key alone: a question, typed.
			tab.TabTo(t, "Your message")
			tab.Press(t, "order"+browsertest.KeyEnter)
			company := map[string]string{"mia": "2 open orders of acme: 12 desks, 40 chairs", "noa": "1 open orders of globex: 1 reactor"}[user]
			tab.Reads(t, "li:last-child", company)

			// Revoked at the vendor: named, and connected again from the message.
			tab.Click(t, "nav a:nth-of-type(2)")
			tab.Click(t, "summary")
			tab.Click(t, "button[value=revoke]")
			tab.Reads(t, "#done", "All consents have been revoked at the vendors.")
			tab.Click(t, ".example:nth-of-type(1)")
			tab.Reads(t, ".failure p", "Notes no longer accepts the connection: connect your account again.")
			look("revoked")
			tab.Click(t, ".failure a")
			tab.Reads(t, "h1", "Connect Notes")
			tab.Click(t, "button")
			tab.Reads(t, "h1", "Acme assistant")

			tab.Click(t, "#connections")
			tab.Reads(t, "#notes .state", "Connected")
			tab.Click(t, "#notes a[href*=disconnect]")
			tab.Reads(t, "h1", "Disconnect Notes?")
			tab.Click(t, "button")
			tab.Reads(t, "#notes a", "Connect")
		})
	}
}

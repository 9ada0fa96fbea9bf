package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/internal/browsertest"
)

// A visitor uses the site with the keyboard only.
type visitor struct {
	*browsertest.Tab
	screen browsertest.Screen
	name   string // of the screen
	menu   bool   // the side is behind a button
}

// press moves the focus to an element and presses enter.
func (v *visitor) press(t *testing.T, name string) {
	t.Helper()
	v.TabTo(t, name)
	v.Press(t, browsertest.KeyEnter)
}

// side opens the side, which is a menu on a narrow screen.
func (v *visitor) side(t *testing.T) {
	t.Helper()
	if v.menu {
		v.press(t, "Menu")
	}
}

// ask types a message.
func (v *visitor) ask(t *testing.T, message string) {
	t.Helper()
	v.TabTo(t, "Your message")
	v.Press(t, message+browsertest.KeyEnter)
}

// consent passes the page that connects a service, which has tests of its own.
func (v *visitor) consent(t *testing.T, service string) {
	t.Helper()
	v.Reads(t, "h1", "Connect "+service)
	v.press(t, v.Text(t, "form button"))
}

// look checks the page in both color schemes.
func (v *visitor) look(t *testing.T, picture string) {
	t.Helper()
	for scheme, dark := range map[string]bool{"light": false, "dark": true} {
		screen := v.screen
		screen.Dark = dark
		v.Show(t, screen)
		v.Picture(t, "webapp-"+picture+"-"+v.name+"-"+scheme)
		v.Fits(t)
		v.Accessible(t)
	}
}

// answers waits for the last paragraph of the conversation.
func (v *visitor) answers(t *testing.T, text string) {
	t.Helper()
	v.Reads(t, "#log > p:last-of-type", text)
	v.Reads(t, "#status", "")
}

func TestTheKeyboardSufficesOnEachScreen(t *testing.T) {
	t.Parallel()
	driver := browsertest.Start(t)
	for name, screen := range map[string]browsertest.Screen{"wide": {Width: 1280, Height: 800}, "narrow": {Width: 390, Height: 844}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &visitor{driver.Open(t), screen, name, name == "narrow"}
			defer v.Close(t)
			v.Show(t, screen)
			v.Visit(t, start(t))
			v.look(t, "sign-in")
			v.press(t, "Mia of Acme")

			// Two services, one from the side and one from the message that it is missing.
			v.Reads(t, "#greeting", "Hello Mia, what can I do for you?")
			v.look(t, "welcome")
			v.side(t)
			v.Reads(t, "#services li:first-child a", "Connect")
			if v.menu {
				v.look(t, "side")
			}
			v.press(t, "Connect: Notes")
			v.consent(t, "Notes")
			v.Reads(t, "#greeting", "Hello Mia, what can I do for you?")
			v.press(t, "What do I need for Thursday?")
			const noted = "Your notes say: bring the quarterly report, and the printer is out of paper."
			v.answers(t, noted)
			v.Reads(t, ".notice p", "Tasks is not connected: connect your account and try again.")
			v.look(t, "not-connected")
			v.press(t, "Connect Tasks")
			v.consent(t, "Tasks")
			v.Reads(t, ".notice.good .state", "Connected since then")
			v.press(t, "Ask again")
			const due = "Two tasks are due by then: send the offer, and book a room."
			v.answers(t, due+"\n"+noted)
			v.look(t, "answer")

			// One call is approved and one denied.
			v.ask(t, "Add a note about printer paper")
			v.Reads(t, ".approval p", "Allow Notes to add note?")
			v.Reads(t, "#status", "Your approval is needed.")
			v.look(t, "approval")
			v.press(t, "Approve")
			v.answers(t, "I added the note “Buy printer paper”.")
			v.ask(t, "Add a note, please")
			v.Reads(t, ".approval p", "Allow Notes to add note?")
			v.press(t, "Deny")
			v.answers(t, "I added nothing.")
			v.Reads(t, ".call.denied summary", "Notes\nadd note\ndenied")
			v.ask(t, "Which orders are open?")
			v.answers(t, "There are 2 open orders: 12 desks, 40 chairs.")

			// The consent is withdrawn, and given again from the message that says so.
			v.side(t)
			v.press(t, "Break something")
			v.look(t, "break")
			v.press(t, "Withdraw consents")
			v.Reads(t, "#effect", "All consents have been withdrawn at the vendors.")
			v.ask(t, "Is there more for Thursday?")
			v.answers(t, "I can't look that up without your services.")
			v.Reads(t, ".notice.bad p", "Tasks did not accept the connection: try again.")
			v.press(t, "Ask again")
			v.Reads(t, ".notice.bad:has(a) p", "Notes no longer accepts the connection: connect your account again.")
			v.answers(t, "I can't look that up without your services.")
			v.look(t, "withdrawn")
			v.press(t, "Connect Notes again")
			v.consent(t, "Notes")
			v.Reads(t, "#question", "")
			v.press(t, "Ask again")
			v.answers(t, noted)

			// Another user has other connections.
			states := func() (all []string) {
				v.Run(t, `return [...document.querySelectorAll("#services li")].map(e => e.className)`, &all)
				return all
			}
			assert.Equal(t, []string{"connected", "again", "off"}, states())
			v.side(t)
			v.press(t, "Switch to Noa of Globex")
			v.Reads(t, "#greeting", "Hello Noa, what can I do for you?")
			assert.Equal(t, []string{"off", "off", "off"}, states())
			v.ask(t, "Which orders are open?")
			v.answers(t, "There are 2 open orders: 1 reactor, 3 pumps.")
			v.side(t)
			v.press(t, "Switch to Mia of Acme")
			v.answers(t, noted)

			v.side(t)
			v.press(t, "Manage connections")
			v.Reads(t, "#notes .state", "Connected")
			v.press(t, "Disconnect: Notes")
			v.Reads(t, "h1", "Disconnect Notes?")
			v.press(t, "Disconnect")
			v.Reads(t, "#notes a", "Connect")
			v.press(t, "Go back")
			v.answers(t, noted)
			assert.Equal(t, []string{"off", "again", "off"}, states())
		})
	}
}

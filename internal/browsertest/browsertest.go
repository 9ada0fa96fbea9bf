package browsertest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// A Driver is a running chromedriver, controlled with WebDriver's JSON
// (https://www.w3.org/TR/webdriver2/).
type Driver struct{ url string }

var driverPort = regexp.MustCompile(`successfully on port (\d+)`)

// Start starts chromedriver and stops it at the end of the test. Without
// chromedriver the test fails in CI and is skipped elsewhere.
func Start(t *testing.T) Driver {
	t.Helper()
	path, err := exec.LookPath("chromedriver")
	if err != nil {
		require.Empty(t, os.Getenv("CI"), "chromedriver is not installed: see .ci/browser")
		t.Skip("chromedriver is not installed: source .ci/browser")
	}
	cmd := exec.CommandContext(t.Context(), path, "--port=0")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := driverPort.FindStringSubmatch(lines.Text()); m != nil {
			return Driver{"http://127.0.0.1:" + m[1]}
		}
	}
	require.FailNow(t, "chromedriver did not start")
	return Driver{}
}

// call sends one command and decodes the value of the response.
func (d Driver) call(t *testing.T, method, path string, body, value any) {
	t.Helper()
	status, answer := d.try(t, method, path, body)
	require.Equal(t, http.StatusOK, status, "%s %s: %.300s", method, path, answer)
	if value != nil {
		require.NoError(t, json.Unmarshal(answer, value))
	}
}

// try sends one command, which may fail.
func (d Driver) try(t *testing.T, method, path string, body any) (status int, value json.RawMessage) {
	t.Helper()
	data := []byte(nil)
	if method == http.MethodPost {
		var err error
		data, err = json.Marshal(body)
		require.NoError(t, err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, d.url+path, bytes.NewReader(data))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer struct {
		Value json.RawMessage `json:"value"`
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	return resp.StatusCode, answer.Value
}

// A Tab is a browser with its own profile.
type Tab struct {
	driver  Driver
	session string
}

// Open opens a browser, which ends with the driver.
func (d Driver) Open(t *testing.T) *Tab {
	t.Helper()
	var session struct {
		ID string `json:"sessionId"`
	}
	d.call(t, http.MethodPost, "/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"browserName": "chrome", "acceptInsecureCerts": true,
		"goog:chromeOptions": map[string]any{"args": []string{
			"--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=900,700", "--no-proxy-server",
		}},
	}}}, &session)
	// The test's context is done at the time of cleanups. Killing the driver ends
	// its browsers.
	return &Tab{d, "/session/" + session.ID}
}

// Visit opens a URL and waits for the page.
func (b *Tab) Visit(t *testing.T, target string) {
	t.Helper()
	b.driver.call(t, http.MethodPost, b.session+"/url", map[string]any{"url": target}, nil)
}

// A Screen is what a browser shows pages on.
type Screen struct {
	Width, Height int
	Scale         int  // pixels of the screen per pixel of CSS; 0: 1
	Dark          bool // the person prefers dark pages
	NoScript      bool // JavaScript is switched off
}

// Show makes the browser use a screen, from the next page on.
func (b *Tab) Show(t *testing.T, s Screen) {
	t.Helper()
	scheme := "light"
	if s.Dark {
		scheme = "dark"
	}
	for cmd, params := range map[string]any{
		"Emulation.setDeviceMetricsOverride":   map[string]any{"width": s.Width, "height": s.Height, "deviceScaleFactor": max(1, s.Scale), "mobile": false},
		"Emulation.setEmulatedMedia":           map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}},
		"Emulation.setScriptExecutionDisabled": map[string]any{"value": s.NoScript},
	} {
		b.driver.call(t, http.MethodPost, b.session+"/goog/cdp/execute", map[string]any{"cmd": cmd, "params": params}, nil)
	}
}

// Keys of [Tab.Press] that are no characters.
const (
	KeyTab   = "\ue004"
	KeyEnter = "\ue007"
)

// Press presses keys one after the other.
func (b *Tab) Press(t *testing.T, keys string) {
	t.Helper()
	var actions []any
	for _, key := range keys {
		for _, kind := range []string{"keyDown", "keyUp"} {
			actions = append(actions, map[string]any{"type": kind, "value": string(key)})
		}
	}
	b.driver.call(t, http.MethodPost, b.session+"/actions", map[string]any{
		"actions": []any{map[string]any{"type": "key", "id": "keyboard", "actions": actions}},
	}, nil)
}

// Focused returns the name of the focused element for screen readers.
func (b *Tab) Focused(t *testing.T) (name string) {
	t.Helper()
	var found map[string]string
	b.driver.call(t, http.MethodGet, b.session+"/element/active", nil, &found)
	for _, id := range found {
		b.driver.call(t, http.MethodGet, b.session+"/element/"+id+"/computedlabel", nil, &name)
	}
	return name
}

// TabTo moves the focus with the tab key to the element with that name, which must
// show that it has the focus.
func (b *Tab) TabTo(t *testing.T, name string) {
	t.Helper()
	var seen []string
	for range 100 {
		b.Press(t, KeyTab)
		at := b.Focused(t)
		if at == name {
			var outline string
			b.Run(t, `return getComputedStyle(document.activeElement).outlineStyle`, &outline)
			require.NotEqual(t, "none", outline, "%s: the focus is not visible", name)
			return
		}
		seen = append(seen, at)
	}
	require.FailNow(t, "the tab key does not reach it", "%s; it reaches %q", name, seen)
}

// Run runs the body of a JavaScript function in the page and decodes the value
// that it returns.
func (b *Tab) Run(t *testing.T, script string, value any) {
	t.Helper()
	b.driver.call(t, http.MethodPost, b.session+"/execute/sync", map[string]any{"script": script, "args": []any{}}, value)
}

// Fits requires that no part of the page is beyond the side of the screen. Parts
// that are clipped are for screen readers only.
func (b *Tab) Fits(t *testing.T) {
	t.Helper()
	var beyond []string
	b.Run(t, `return [...document.querySelectorAll("body *")].filter(e => {
		const r = e.getBoundingClientRect()
		return r.width > 0 && getComputedStyle(e).clipPath == "none" && (r.right > innerWidth + 1 || r.left < -1 || e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display != "inline")
	}).map(e => e.outerHTML.slice(0, 100))`, &beyond)
	require.Empty(t, beyond)
}

// Accessible requires that axe-core finds nothing in the page. Without axe-core
// the test fails in CI and logs that elsewhere.
func (b *Tab) Accessible(t *testing.T) {
	t.Helper()
	path := os.Getenv("TOOLGRANT_AXE")
	if path == "" {
		require.Empty(t, os.Getenv("CI"), "TOOLGRANT_AXE is not set: source .ci/node")
		t.Log("SKIP: TOOLGRANT_AXE is not set, so that accessibility is not checked")
		return
	}
	source, err := os.ReadFile(path) //nolint:gosec // a tool's file
	require.NoError(t, err)
	b.Run(t, string(source), nil)
	var found []string
	b.driver.call(t, http.MethodPost, b.session+"/execute/async", map[string]any{"args": []any{}, "script": `const done = arguments[arguments.length - 1]
		axe.run(document, {resultTypes: ["violations"]}).then(
			r => done(r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.html.slice(0, 150) + " " + n.failureSummary))), e => done([String(e)]))`}, &found)
	require.Empty(t, found)
}

// Close closes the browser.
func (b *Tab) Close(t *testing.T) {
	t.Helper()
	b.driver.call(t, http.MethodDelete, b.session, nil, nil)
}

// element returns the element for a CSS selector.
func (b *Tab) element(t *testing.T, selector string) string {
	t.Helper()
	var found map[string]string
	b.driver.call(t, http.MethodPost, b.session+"/element", map[string]any{"using": "css selector", "value": selector}, &found)
	for _, id := range found {
		return b.session + "/element/" + id
	}
	require.FailNow(t, "no element", selector)
	return ""
}

// Click clicks the element for a CSS selector.
func (b *Tab) Click(t *testing.T, selector string) {
	t.Helper()
	b.driver.call(t, http.MethodPost, b.element(t, selector)+"/click", map[string]any{}, nil)
}

// Reads waits until an element has a text, because a click returns before the
// next page is loaded. It gives up after a number of attempts.
func (b *Tab) Reads(t *testing.T, selector, want string) {
	t.Helper()
	var got string
	for range 500 {
		status, value := b.driver.try(t, http.MethodPost, b.session+"/element", map[string]any{"using": "css selector", "value": selector})
		var found map[string]string
		if status != http.StatusOK || json.Unmarshal(value, &found) != nil {
			continue
		}
		for _, id := range found {
			status, value = b.driver.try(t, http.MethodGet, b.session+"/element/"+id+"/text", nil)
		}
		if status == http.StatusOK && json.Unmarshal(value, &got) == nil && got == want {
			return
		}
	}
	require.Equal(t, want, got)
}

// Text returns the visible text of an element.
func (b *Tab) Text(t *testing.T, selector string) (text string) {
	t.Helper()
	b.driver.call(t, http.MethodGet, b.element(t, selector)+"/text", nil, &text)
	return text
}

// Property returns a property of an element, such as href.
func (b *Tab) Property(t *testing.T, selector, name string) (value string) {
	t.Helper()
	b.driver.call(t, http.MethodGet, b.element(t, selector)+"/property/"+name, nil, &value)
	return value
}

// Address returns the URL of the page.
func (b *Tab) Address(t *testing.T) (target string) {
	t.Helper()
	b.driver.call(t, http.MethodGet, b.session+"/url", nil, &target)
	return target
}

// Picture saves a screenshot in the folder TOOLGRANT_SCREENSHOTS, if set.
func (b *Tab) Picture(t *testing.T, name string) {
	t.Helper()
	folder := os.Getenv("TOOLGRANT_SCREENSHOTS")
	if folder == "" {
		return
	}
	var text string
	b.driver.call(t, http.MethodGet, b.session+"/screenshot", nil, &text)
	data, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	root, err := os.OpenRoot(folder)
	require.NoError(t, err)
	defer root.Close()
	require.NoError(t, root.WriteFile(name+".png", data, 0o600))
}

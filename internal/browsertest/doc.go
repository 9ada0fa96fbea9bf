// Package browsertest controls Chromium from tests. .ci/browser installs it.
//
//	tab := browsertest.Start(t).Open(t)
//	tab.Visit(t, site.URL)
//	tab.Click(t, "button")
//	tab.Reads(t, "h1", "Hello")
package browsertest

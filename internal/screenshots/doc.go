// Package screenshots makes the pictures of the README from the real programs, in
// Chromium: the example web app, and toolgrant doctor.
//
//	make screenshots
package screenshots

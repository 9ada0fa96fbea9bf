// Package page prints the stories that the examples tell, on a terminal or into a
// file.
//
//	p := page.New(os.Stdout, false)
//	p.Begin("Mia connects Tasks")
//	p.Works("tasks", "connected")
package page

// Package page writes and reads the cursors of Backend.List, so that every
// backend of this module pages alike: by the time that the list is ordered by,
// then by a key that is unique.
//
//	c, err := page.Parse(cursor)                       // "" gives the zero Cursor: the first page
//	rows := … "WHERE (due_at, seq) > (?, ?)", c.Due, c.Key
//	next := page.Cursor{Due: last.Due, Key: last.Key}.String()
package page

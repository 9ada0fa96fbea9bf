// Package page writes and reads the cursors of Backend.List, so that every
// backend of this module pages alike: by the time that the list is ordered by,
// then by a key that is unique.
//
//	due, seq, err := page.ParseNumbered(cursor, n)     // "" stands before the first row
//	rows := … "WHERE (due_at, seq) > (?, ?)", due, seq
//	next := page.Cursor{Due: last.Due, Key: strconv.FormatInt(last.Seq, 10)}.String()
package page

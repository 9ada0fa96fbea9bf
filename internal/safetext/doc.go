// Package safetext cleans text that a server, a model or a user wrote, before
// a person reads it on a terminal, in a log or on a page.
//
// Such text can hold terminal escape sequences, characters that reorder the
// text around them, and characters without a glyph that hide data. Each of
// these becomes U+FFFD, so that a text never looks shorter than it is:
//
//	safetext.Line("rm\u202e -rf \x1b[8m/")   // "rm� -rf �[8m/"
//
// # Characters
//
// A character is kept if [unicode.IsPrint] reports it and it has a glyph. So
// these are replaced: control characters (also C1), bidirectional marks,
// overrides and isolates, zero-width characters, soft hyphens, fillers, tags,
// variation selectors, private-use and unassigned characters, and invalid
// UTF-8.
//
// Readable text stays readable:
//
//   - Arabic and Hebrew need no bidirectional controls and are kept.
//   - A zero-width joiner stays between two symbols (👩‍💻), and a joiner or
//     non-joiner between two letters of a script that uses them, such as
//     Persian or Hindi.
//   - One emoji or text variation selector stays behind a symbol, a digit, '#'
//     or '*' (❤️, 1️⃣).
//   - Flags that are spelled with tags (Scotland, Wales) show U+FFFD behind a
//     black flag: tags spell any text without showing it.
//
// Spaces of all kinds become ' '. Line and paragraph separators are line breaks.
package safetext

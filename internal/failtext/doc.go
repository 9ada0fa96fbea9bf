// Package failtext reads what programs are given when an mcp tool fails: the
// body of an HTTP error, an output item, an event of a stream, or a log line
// that holds one of these. It returns a neutral [Finding] and does not depend on
// any client library.
//
//	known := failtext.Known{HTTPStatus: 424, Surface: failtext.SurfaceResponses}
//	f := failtext.Text(line, known)
//	// f.Kind == failtext.KindUnauthorized, f.Label == "asana"
//
// [Text] reads anything. It also finds values in the notation of Python, Ruby
// or JavaScript, quoted values, and values whose end is cut off. [Body], [Item]
// and [Event] read JSON that an API client has parsed already: for them, words
// that only look like a log line are not searched.
//
// # Security
//
// The text is not trusted. The output of a tool, and everything that the model
// or the user wrote, may imitate any failure and is not read. The cost grows
// linearly with the length, of which [MaxInput] is read: all patterns are RE2's.
package failtext

// Package loosejson parses values in log lines, so that a tool's output that
// imitates an error is not taken for one. It reads JSON, JSON that was cut off or
// has comments, and the notation of Python, Ruby and JavaScript for the same
// data.
//
// [Find] returns every object and array in a text:
//
//	line := `openai.APIStatusError: Error code: 424 - {'error': {'code': None, 'param': 'tools'}}`
//	budget := 1 << 20
//	for _, found := range loosejson.Find(line, &budget) {
//		body := found.Value.(*loosejson.Object)
//		…
//	}
//
// A log line that reports an error often holds the output of a tool or the words
// of a user too, and both may imitate an error. Only the structure tells them
// apart: the value of "output" is not read at all. A search for
// patterns in the whole line could not make that difference, and encoding/json
// reads neither Python's notation nor a line that a logger cut off. Data of our
// own is decoded with encoding/json.
//
// # Security
//
// A budget of bytes that the caller sets bounds the cost, and a fixed depth bounds
// nesting. Strings are data: nothing in them is interpreted.
package loosejson

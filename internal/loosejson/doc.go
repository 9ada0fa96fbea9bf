// Package loosejson reads values as they turn up in logs: JSON, JSON that was
// cut off or has comments in it, and what Python, Ruby and JavaScript print
// for the same data.
//
// [Find] walks through a text and hands out every object and array in it:
//
//	line := `openai.APIStatusError: Error code: 424 - {'error': {'code': None, 'param': 'tools'}}`
//	budget := 1 << 20
//	for _, found := range loosejson.Find(line, &budget) {
//		body := found.Value.(*loosejson.Object)
//		…
//	}
//
// It is for reading what somebody else wrote and nobody promised; what is
// ours is decoded with encoding/json.
//
// # Security
//
// The cost is bounded by a budget of bytes that the caller sets, nesting by a
// fixed depth, so that no input is dear. Strings are data: nothing in them is
// interpreted.
package loosejson

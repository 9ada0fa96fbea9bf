// Package exactjson reads JSON of strangers so that no other parser can read it
// differently, and keeps every value that the caller doesn't change byte for byte.
//
//	if err := exactjson.Check(body); err != nil { … } // syntax, UTF-8, duplicate names
//	message, err := exactjson.Read(body)
//	method, ok := message.String("method")
//	message.Set("params", params)
//	body = message.Encode()
//
// encoding/json matches names without regard to case, keeps the last of duplicate
// names and replaces invalid UTF-8; parsers in other languages do otherwise. A
// check that runs before such a parser must refuse all that the two may read
// differently. [Check] refuses duplicate names at all depths, and
// [Object.Ambiguous] finds names that differ in case only, which are legitimate
// in data but not in a protocol's own objects.
//
// What it costs to read a text is a small multiple of the text's length, also if the
// text is nothing but members.
package exactjson

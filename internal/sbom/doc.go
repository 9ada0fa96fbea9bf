// Command sbom prints the bill of materials of a Go program, in CycloneDX's JSON:
// the modules that the go command recorded in it, with versions, checksums and
// licences. The same program gives the same bytes.
//
//	go run ./internal/sbom -licences docs/dependencies.md PROGRAM
//
// The format is https://cyclonedx.org/docs/1.6/json/.
package main

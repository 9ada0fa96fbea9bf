// Package issuer compares the issuer identifiers of authorization servers.
package issuer

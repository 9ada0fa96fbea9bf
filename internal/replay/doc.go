// Package replay plays the servers of the catalogue to tests: their metadata
// documents, and what their authorization servers accept and respond with. Its
// data has the values that audits read from live metadata, else those of
// documentation. A member that no source covers is absent. Tests of packages
// connect and doctor run against it without a network.
package replay

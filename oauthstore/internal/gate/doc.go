// Package gate lets operations of a backend in until it is closed, and lets
// Close wait for those that are inside.
//
//	if !b.gate.Enter() {
//		return backend.ErrClosed
//	}
//	defer b.gate.Leave()
package gate

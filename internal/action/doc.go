// Package action has the steps that resolve an error, with the HTTP status and
// the sentence that a backend sends to its user for each. The errors of all
// public packages use this one table.
//
//	w.WriteHeader(action.HTTPStatus(action.Reconnect))
//	fmt.Fprintln(w, action.PublicMessage(action.Reconnect, "Asana"))
package action

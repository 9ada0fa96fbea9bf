// Package secret holds the one type that carries the text of a credential
// through the program.
//
// A [Secret] shows a placeholder wherever a value is printed, logged or
// encoded. The text comes out through [Secret.Expose] only, so every place
// that handles clear text can be found by searching for that word:
//
//	token := secret.New(answer.AccessToken)
//	slog.Info("refreshed", "token", token) // token=[redacted]
//	req.Header.Set("Authorization", "Bearer "+token.Expose())
//
// Public packages re-export it as oauthstore.Secret.
package secret

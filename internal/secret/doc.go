// Package secret provides the types for credentials in memory.
//
// A [Secret] prints, logs and encodes as a placeholder. Only [Secret.Expose]
// returns the text, so every use of clear text can be found by searching for
// that name:
//
//	token := secret.New(response.AccessToken)
//	slog.Info("refreshed", "token", token) // token=[redacted]
//	req.Header.Set("Authorization", "Bearer "+token.Expose())
//
// Public packages export it as oauthstore.Secret.
package secret

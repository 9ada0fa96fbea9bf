package redact

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// Header returns the values of a request's header that count as secrets: the
// credential in Authorization, also within HTTP Basic, and each other value of 8
// bytes or more. Shorter ones are settings, such as "true".
func Header(h http.Header) []secret.Secret {
	var all []secret.Secret
	for name, values := range h {
		least := window
		if strings.EqualFold(name, "Authorization") {
			least = minShort
		}
		add := func(text string, least int) {
			if len(text) >= least {
				all = append(all, secret.New(text))
			}
		}
		for _, value := range values {
			fields := strings.Fields(value)
			if len(fields) > 1 {
				fields = fields[1:] // without the scheme
			}
			for _, f := range fields {
				add(f, least)
				if pair, err := base64.StdEncoding.DecodeString(f); err == nil {
					if user, pass, ok := strings.Cut(string(pair), ":"); ok {
						add(user, window)
						add(pass, least)
					}
				}
			}
		}
	}
	return all
}

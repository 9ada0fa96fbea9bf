package oauth

import "time"

// ParseToken reads a token answer's body as a success.
func ParseToken(body []byte, form, exchanged bool) (*TokenResponse, error) {
	o, err := decodeToken(&answer{status: 200, body: body}, form)
	if err != nil {
		return nil, err
	}
	return tokenFrom(o, time.Unix(0, 0), exchanged)
}

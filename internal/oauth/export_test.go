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

// ParseResource reads a protected-resource metadata document; nil if it is none.
func ParseResource(body []byte) (*ResourceMetadata, error) { return parseResource("", body) }

// ParseServer reads an authorization-server metadata document; nil if it is none.
func ParseServer(body []byte, local bool) (*ServerMetadata, error) { return parseServer(body, local) }

// ParseRegistration reads the answer to a registration that asked for method.
func ParseRegistration(body []byte, method string) (*Registration, error) {
	o, err := parseObject(body, registrationMembers...)
	if err != nil {
		return nil, err
	}
	return parseRegistration(o, Registration{AuthMethod: method}, nil, false)
}

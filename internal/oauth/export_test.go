package oauth

import "time"

// ParseToken parses the body of a successful token response.
func ParseToken(body []byte, form, exchanged bool) (*TokenResponse, error) {
	o, err := decodeToken(&answer{status: 200, body: body}, form, "")
	if err != nil {
		return nil, err
	}
	return tokenFrom(o, time.Unix(0, 0), grant{exchanged: exchanged})
}

// ParseResource parses a protected-resource metadata document. It returns nil
// if body is something else.
func ParseResource(body []byte) (*ResourceMetadata, error) { return parseResource("", body) }

// ParseServer parses an authorization-server metadata document. It returns nil
// if body is something else.
func ParseServer(body []byte, local bool) (*ServerMetadata, error) { return parseServer(body, local) }

// ParseRegistration parses the response to a registration that requested
// method.
func ParseRegistration(body []byte, method string) (*Registration, error) {
	o, err := parseObject(body, registrationMembers...)
	if err != nil {
		return nil, err
	}
	return parseRegistration(o, Registration{AuthMethod: method}, false)
}

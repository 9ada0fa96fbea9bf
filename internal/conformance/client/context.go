package main

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
)

// A scenarioContext is the suite's information for a client that could not know
// it otherwise: the registered application and its user.
type scenarioContext struct {
	Name         string `json:"name"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Issuer       string `json:"issuer"`

	PrivateKeyPEM    string `json:"private_key_pem"`
	SigningAlgorithm string `json:"signing_algorithm"`

	IDPClientID      string `json:"idp_client_id"`
	IDToken          string `json:"idp_id_token"`
	IDPIssuer        string `json:"idp_issuer"`
	IDPTokenEndpoint string `json:"idp_token_endpoint"`

	ValidJWT string `json:"valid_jwt"`
}

func (c *scenarioContext) read(text string) error {
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), c); err != nil {
		return fmt.Errorf("MCP_CONFORMANCE_CONTEXT: %w", err)
	}
	return nil
}

// machine reports whether the application needs a token for itself.
func (c *scenarioContext) machine() bool {
	return c.Name == "auth/client-credentials-jwt" || c.Name == "auth/client-credentials-basic"
}

// apps returns the application that the context names, if any, for a server and
// its authorization server.
func (c *scenarioContext) apps(serverURL, issuer string) (connect.Apps, error) {
	if c.ClientID == "" {
		return nil, nil
	}
	app := connect.App{
		Issuer: issuer, Servers: []string{serverURL}, ID: c.ClientID, Secret: oauthstore.NewSecret(c.ClientSecret),
		Algorithm: c.SigningAlgorithm,
	}
	if c.PrivateKeyPEM != "" {
		block, _ := pem.Decode([]byte(c.PrivateKeyPEM))
		if block == nil {
			return nil, errors.New("private_key_pem is not PEM")
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, errors.New("private_key_pem has no signing key")
		}
		app.Signer = oauthstore.NewSigner(signer)
	}
	return connect.Apps{app}, nil
}

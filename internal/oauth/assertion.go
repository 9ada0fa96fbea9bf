package oauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// assertionLife is the lifetime of a client assertion: one attempt.
const assertionLife = 60 * time.Second

var (
	errNoSigner  = errors.New("no client key")
	errNoIssuer  = errors.New("the client assertion needs the authorization server's issuer")
	errAlgorithm = errors.New("the client's key does not match its algorithm")
)

// assertion signs a new client assertion (RFC 7523 section 3). Its audience is
// the issuer: with the token endpoint as audience, another server could reuse
// it (draft-ietf-oauth-rfc7523bis).
func (c Client) assertion() (string, error) {
	if c.Signer.IsZero() {
		return "", errNoSigner
	}
	if c.Issuer == "" {
		return "", errNoIssuer
	}
	now := time.Now()
	return signJWT(c.Signer, c.Algorithm, c.KeyID, jwt.RegisteredClaims{
		Issuer:    c.ID,
		Subject:   c.ID,
		Audience:  jwt.ClaimStrings{c.Issuer},
		ID:        rand.Text(),
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(assertionLife)),
	})
}

// signJWT signs claims through the [crypto.Signer] interface, so that the key
// may be in a key service. The signing methods of golang-jwt can't do that for
// RSA and ECDSA.
func signJWT(key crypto.Signer, algorithm, keyID string, claims jwt.Claims) (string, error) {
	if algorithm == "" {
		algorithm = defaultAlgorithm(key)
	}
	method := jwt.GetSigningMethod(algorithm)
	if method == nil {
		return "", errAlgorithm
	}
	token := jwt.NewWithClaims(method, claims)
	if keyID != "" {
		token.Header["kid"] = keyID
	}
	text, err := token.SigningString()
	if err != nil {
		return "", err
	}
	signature, err := sign(key, method, []byte(text))
	if err != nil {
		return "", err
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func defaultAlgorithm(key crypto.Signer) string {
	switch pub := key.Public().(type) {
	case *rsa.PublicKey:
		return "RS256"
	case ed25519.PublicKey:
		return "EdDSA"
	case *ecdsa.PublicKey:
		switch pub.Curve {
		case elliptic.P256():
			return "ES256"
		case elliptic.P384():
			return "ES384"
		case elliptic.P521():
			return "ES512"
		}
	}
	return ""
}

func sign(key crypto.Signer, method jwt.SigningMethod, text []byte) ([]byte, error) {
	switch m := method.(type) {
	case *jwt.SigningMethodRSAPSS: // before RSA, because it embeds it
		if _, ok := key.Public().(*rsa.PublicKey); !ok {
			return nil, errAlgorithm
		}
		return signDigest(key, m.Hash, text, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: m.Hash})
	case *jwt.SigningMethodRSA:
		if _, ok := key.Public().(*rsa.PublicKey); !ok {
			return nil, errAlgorithm
		}
		return signDigest(key, m.Hash, text, m.Hash)
	case *jwt.SigningMethodECDSA:
		pub, ok := key.Public().(*ecdsa.PublicKey)
		if !ok || pub.Curve.Params().BitSize != m.CurveBits {
			return nil, errAlgorithm
		}
		der, err := signDigest(key, m.Hash, text, m.Hash)
		if err != nil {
			return nil, err
		}
		return rawECDSA(der, m.KeySize)
	case *jwt.SigningMethodEd25519:
		if _, ok := key.Public().(ed25519.PublicKey); !ok {
			return nil, errAlgorithm
		}
		return key.Sign(rand.Reader, text, crypto.Hash(0))
	default: // HMAC and "none" have no client key
		return nil, errAlgorithm
	}
}

func signDigest(key crypto.Signer, hash crypto.Hash, text []byte, opts crypto.SignerOpts) ([]byte, error) {
	h := hash.New()
	h.Write(text)
	signature, err := key.Sign(rand.Reader, h.Sum(nil), opts)
	if err != nil {
		return nil, fmt.Errorf("signing the client's assertion: %w", err)
	}
	return signature, nil
}

// rawECDSA converts the ASN.1 signature of [crypto.Signer] to the two
// fixed-size numbers of a JWT (RFC 7518 section 3.4).
func rawECDSA(der []byte, size int) ([]byte, error) {
	var pair struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &pair); err != nil || len(rest) > 0 {
		return nil, errAlgorithm
	}
	if pair.R.Sign() <= 0 || pair.S.Sign() <= 0 || pair.R.BitLen() > size*8 || pair.S.BitLen() > size*8 {
		return nil, errAlgorithm
	}
	raw := make([]byte, 2*size)
	pair.R.FillBytes(raw[:size])
	pair.S.FillBytes(raw[size:])
	return raw, nil
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
)

// An importFile is the JSON form of --token-file. Its names are those of a token
// response (RFC 6749 section 5.1) and of client metadata (RFC 7591).
type importFile struct {
	AccessToken   string  `json:"access_token"`
	RefreshToken  string  `json:"refresh_token"`
	TokenType     string  `json:"token_type"`
	ExpiresAt     moment  `json:"expires_at"`
	ExpiresIn     seconds `json:"expires_in"`
	ObtainedAt    moment  `json:"obtained_at"`
	TokenEndpoint string  `json:"token_endpoint"`
	Revocation    string  `json:"revocation_endpoint"`
	AuthMethod    string  `json:"token_endpoint_auth_method"`
	ClientID      string  `json:"client_id"`
	ClientSecret  string  `json:"client_secret"`
	Issuer        string  `json:"issuer"`
	Resource      string  `json:"resource"`
	Scope         string  `json:"scope"`
	Secrets       keyRing `json:"secrets"`
}

// keyRing holds the further secrets that some API keys need, by name.
type keyRing map[string]string

// A moment is a time in RFC 3339 or in seconds since 1970.
type moment struct{ time.Time }

// UnmarshalJSON reads either form. Null and "" leave it zero.
func (m *moment) UnmarshalJSON(data []byte) error {
	s := strings.Trim(string(data), `"`)
	if s == "null" || s == "" {
		return nil
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil && n > 0 && n < 1e11 {
		whole, frac := math.Modf(n)
		m.Time = time.Unix(int64(whole), int64(frac*1e9))
		return nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return errors.New("times must be RFC 3339 or seconds since 1970")
	}
	m.Time = t
	return nil
}

// seconds is a lifetime. Some servers write it as a string.
type seconds time.Duration

// UnmarshalJSON reads a number or a string that holds one.
func (s *seconds) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	if text == "null" || text == "" {
		return nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 || n > 1e10 {
		return errors.New("expires_in must be a number of seconds")
	}
	*s = seconds(n * float64(time.Second))
	return nil
}

// maxInput is the maximum size of a file or of stdin, in bytes.
const maxInput = 4 << 20

// readInput reads a file; "-" is stdin.
func (a *app) readInput(name string) ([]byte, error) {
	in := a.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, usagef("%v", err)
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	case len(data) > maxInput:
		return nil, usagef("%s is longer than %d bytes", name, maxInput)
	}
	return data, nil
}

// oneLine removes one newline from the end of data, and nothing else.
func oneLine(data []byte) string {
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
}

// parseToken parses a token file: JSON, or the token itself.
func parseToken(data []byte) (importFile, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return importFile{AccessToken: oneLine(data)}, nil
	}
	var f importFile
	if err := json.Unmarshal(data, &f); err != nil {
		// The error of package json may quote secrets.
		return f, faultf(mcptools.KindMisconfigured, "the token file is not valid JSON with the fields of a token response: see 'toolgrant help import'")
	}
	if f.AccessToken == "" {
		return f, faultf(mcptools.KindMisconfigured, "the token file has no access_token")
	}
	return f, nil
}

// expiry returns when the access token expires; zero if that is unknown, as with
// an expires_in without obtained_at.
func (f *importFile) expiry() time.Time {
	switch {
	case !f.ExpiresAt.IsZero():
		return f.ExpiresAt.Time
	case f.ExpiresIn > 0 && !f.ObtainedAt.IsZero():
		return f.ObtainedAt.Add(time.Duration(f.ExpiresIn))
	}
	return time.Time{}
}

// token returns the token to import.
func (f *importFile) token() connect.Token {
	t := connect.Token{
		AccessToken: oauthstore.NewSecret(f.AccessToken), RefreshToken: oauthstore.NewSecret(f.RefreshToken),
		TokenType: f.TokenType, Expiry: f.expiry(),
		Issuer: f.Issuer, Resource: f.Resource, TokenEndpoint: f.TokenEndpoint, RevocationEndpoint: f.Revocation,
		ClientID: f.ClientID, ClientSecret: oauthstore.NewSecret(f.ClientSecret), AuthMethod: f.AuthMethod,
	}
	if f.Scope != "" {
		t.Scopes = strings.Fields(f.Scope)
	}
	for name, secret := range f.Secrets {
		if t.Secrets == nil {
			t.Secrets = make(map[string]oauthstore.Secret, len(f.Secrets))
		}
		t.Secrets[name] = oauthstore.NewSecret(secret)
	}
	return t
}

func (a *app) importCommand() *cobra.Command {
	var tokenFile, secretFile, wayID, issuer string
	var takes []string
	var noVerify, insecureEndpoints bool
	cmd := &cobra.Command{
		Use:   "import PROVIDER --token-file FILE",
		Short: "Store a token that you already have",
		Long: `Verifies a token that you already have and stores it.

FILE contains the token itself, or JSON with access_token and any of
refresh_token, expires_at, expires_in with obtained_at, token_endpoint,
token_endpoint_auth_method, revocation_endpoint, client_id, client_secret,
issuer, resource, scope and secrets (an object with the further secrets that some
providers need). "-" is stdin. With expires_in alone, the expiry is unknown.

The endpoints must be those in the issuer's metadata, else the exit code is 5.
Fields that the file leaves out are taken from there.

A token that is clearly for another service is refused with exit code 5, and one
that the server rejects with exit code 3. Nothing is stored then. An expired token
that can be refreshed replaces the stored credential before it is refreshed, so
that the new token pair can't be lost. If the same pair was imported before and
has been refreshed since, the newer pair stays.`,
		Example: `  toolgrant import notion --token-file token
  pass show asana | toolgrant import asana --token-file -`,
		Args: cobra.ExactArgs(1),
		RunE: a.begin(func(ctx context.Context, args []string) error {
			if tokenFile == "" {
				return usagef("import needs --token-file FILE, or - for stdin")
			}
			if tokenFile == "-" && secretFile == "-" {
				return usagef("--token-file and --client-secret-file can't both be stdin")
			}
			data, err := a.readInput(tokenFile)
			if err != nil {
				return err
			}
			file, err := parseToken(data)
			if err != nil {
				return err
			}
			if secretFile != "" {
				secret, err := a.readInput(secretFile)
				if err != nil {
					return err
				}
				file.ClientSecret = oneLine(secret)
			}
			token := file.token()
			token.Way, token.InsecureEndpoints = wayID, insecureEndpoints
			return a.withStore(ctx, func(store *oauthstore.Store) error {
				t, err := a.resolveNew(ctx, store, args[0])
				if err != nil {
					return err
				}
				if issuer != "" {
					if err := t.bind(issuer); err != nil {
						return err
					}
					token.Issuer = issuer
				}
				if err := t.addTakes(takes); err != nil {
					return err
				}
				if err := t.refuse(wayID, file.AccessToken); err != nil {
					return err
				}
				s, err := a.importToken(ctx, store, t, token, !noVerify)
				if err != nil {
					return err
				}
				a.printStatus(s)
				return nil
			})
		}),
	}
	cmd.Flags().StringVar(&tokenFile, "token-file", "", "`FILE` with the token, - for stdin")
	cmd.Flags().StringVar(&secretFile, "client-secret-file", "", "`FILE` with the secret of the client that the token was issued to, which a refresh needs")
	cmd.Flags().StringVar(&wayID, "way", "", "`ID` of the provider's way to authenticate, as in 'toolgrant providers ID' (default: recognized by the token)")
	cmd.Flags().StringVar(&issuer, "issuer", "", "`URL` of the authorization server, for a server outside the catalogue (default: the one that the server names)")
	cmd.Flags().BoolVar(&insecureEndpoints, "insecure-endpoints", false, "send the refresh token and the client secret to the endpoints in the file even if the issuer's metadata does not confirm them")
	registerTakes(cmd, &takes)
	cmd.Flags().BoolVar(&noVerify, "no-verify", false, "do not verify the token at the server")
	return cmd
}

// registerTakes adds --takes.
func registerTakes(cmd *cobra.Command, takes *[]string) {
	cmd.Flags().StringArrayVar(takes, "takes", nil, "`KIND` of another vendor's token that a server outside the catalogue accepts; repeatable (default: none)")
}

// unconfirmed returns the error of an import whose server gave no verdict: err, which
// is temporary, unless the server shows without a token that waiting does not help.
func (a *app) unconfirmed(ctx context.Context, t target, err error) error {
	stays := []mcptools.Kind{mcptools.KindNotFound, mcptools.KindWrongEndpoint, mcptools.KindProtocol, mcptools.KindBadRequest}
	if res := a.askOpen(ctx, t); slices.Contains(stays, probeKind(res)) {
		return probeFault(res, "%s did not confirm the token: %s", t.key.Provider, res.Detail)
	}
	return err
}

// importToken verifies and stores a token.
func (a *app) importToken(ctx context.Context, store *oauthstore.Store, t target, token connect.Token, verify bool) (oauthstore.Status, error) {
	if err := a.usable(t); err != nil {
		return oauthstore.Status{}, err
	}
	if _, ok := t.provider.Way(token.Way); !ok {
		return oauthstore.Status{}, usagef("--way %q: unknown for %s; see 'toolgrant providers %s'", token.Way, t.provider.Name, t.provider.ID)
	}
	o := &connect.Options{InsecureAllowLoopback: a.global.allowLoopback}
	if verify {
		b, err := mcptools.NewBuilder(t.provider, store, &mcptools.Options{InsecureAllowLoopback: a.global.allowLoopback})
		if err != nil {
			return oauthstore.Status{}, faultf(mcptools.KindMisconfigured, "%s", message(err))
		}
		o.Verify = b.Verifier()
	}
	c, err := connect.New(store, o)
	if err != nil {
		return oauthstore.Status{}, faultf(mcptools.KindMisconfigured, "%s", message(err))
	}
	ask := &connect.Ask{Account: t.key.Account, ServerURL: t.key.Server}
	if own, err := t.provider.ServerURL(""); err == nil && own == t.key.Server && !t.given {
		ask.ServerURL = "" // the token may need another of the provider's URLs
	}
	r, err := c.Import(ctx, t.provider, t.key.Owner, token, ask)
	if verify && ask.ServerURL != "" && connect.KindOf(err) == connect.KindUnavailable {
		err = a.unconfirmed(ctx, t, err)
	}
	if err != nil {
		return oauthstore.Status{}, err
	}
	if r.Warning != "" && viewOf(r.Status).Warning == nil { // the status has that one
		a.notef("warning: %s", r.Warning)
	}
	return r.Status, nil
}

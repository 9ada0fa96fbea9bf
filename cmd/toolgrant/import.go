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
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
)

// An importFile is what --token-file may hold as JSON: the names are those of
// a token response (RFC 6749 section 5.1) and of client metadata (RFC 7591).
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

// keyRing holds further secrets of static ways, by name.
type keyRing map[string]string

// A moment is a time as programs write it: RFC 3339, or seconds since 1970.
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
		return errors.New("a time must be RFC 3339, or seconds since 1970")
	}
	m.Time = t
	return nil
}

// seconds is a lifetime; some servers write it as a string.
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

// maxInput bounds what is read from a file or stdin.
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
		return nil, usagef("the input is longer than %d bytes", maxInput)
	}
	return data, nil
}

// oneLine takes one newline off the end of what was read, and nothing else.
func oneLine(data []byte) string {
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
}

// parseToken reads a token file: JSON, or the token itself.
func parseToken(data []byte) (importFile, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return importFile{AccessToken: oneLine(data)}, nil
	}
	var f importFile
	if err := json.Unmarshal(data, &f); err != nil {
		// The error of package json may quote what it could not read.
		return f, faultf(mcptools.KindMisconfigured, "the token file is no JSON with the fields of a token response: see 'toolgrant help import'")
	}
	if f.AccessToken == "" {
		return f, faultf(mcptools.KindMisconfigured, "the token file has no access_token")
	}
	return f, nil
}

// expiry returns when the access token ends; zero if that is not known. A bare
// expires_in counts from a moment that nobody wrote down.
func (f *importFile) expiry() time.Time {
	switch {
	case !f.ExpiresAt.IsZero():
		return f.ExpiresAt.Time
	case f.ExpiresIn > 0 && !f.ObtainedAt.IsZero():
		return f.ObtainedAt.Add(time.Duration(f.ExpiresIn))
	}
	return time.Time{}
}

// token makes of the file what is imported.
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
		Short: "Take a token that you already have",
		Long: `Takes a token that you already have and stores it, after it was checked.

FILE holds the token itself, or JSON with access_token and any of refresh_token,
expires_at, expires_in with obtained_at, token_endpoint,
token_endpoint_auth_method, revocation_endpoint, client_id, client_secret,
issuer, resource, scope and secrets (an object with what a provider wants beside
the token). "-" is stdin. A bare expires_in means that the expiry is unknown.

The endpoints must be those that the issuer's own metadata names (else exit 5).
What the file leaves out is found there.

A token that is surely for something else is refused (exit 5), and so is one
that the server refuses (exit 3): nothing is stored then. One that has ended and
can be refreshed is stored first, in place of what was there, and then refreshed:
a new pair must not be lost.`,
		Args: cobra.ExactArgs(1),
		RunE: a.begin(func(ctx context.Context, args []string) error {
			if tokenFile == "" {
				return usagef("import needs --token-file FILE, or - for stdin")
			}
			if tokenFile == "-" && secretFile == "-" {
				return usagef("stdin can't be both --token-file and --client-secret-file")
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
	cmd.Flags().StringVar(&secretFile, "client-secret-file", "", "`FILE` with the secret of the application that the token was issued to, which a refresh needs")
	cmd.Flags().StringVar(&wayID, "way", "", "which of the provider's ways to authenticate the token belongs to (default: told by the token)")
	cmd.Flags().StringVar(&issuer, "issuer", "", "`URL` of the authorization server of a custom server (default: the one that the server names)")
	cmd.Flags().BoolVar(&insecureEndpoints, "insecure-endpoints", false, "send the refresh token and the client secret to the file's endpoints, although the issuer's metadata does not confirm them")
	registerTakes(cmd, &takes)
	cmd.Flags().BoolVar(&noVerify, "no-verify", false, "do not ask the server whether it takes the token")
	return cmd
}

// registerTakes adds --takes.
func registerTakes(cmd *cobra.Command, takes *[]string) {
	cmd.Flags().StringArrayVar(takes, "takes", nil, "`KIND` of another vendor's token that the server, which is not in the catalogue, really takes; repeatable (default none)")
}

// importToken has a token checked and stored.
func (a *app) importToken(ctx context.Context, store *oauthstore.Store, t target, token connect.Token, verify bool) (oauthstore.Status, error) {
	if err := a.usable(t); err != nil {
		return oauthstore.Status{}, err
	}
	if _, ok := t.provider.Way(token.Way); !ok {
		return oauthstore.Status{}, usagef("%s has no way %q", t.provider.Name, token.Way)
	}
	o := &connect.Options{InsecureAllowLoopback: a.global.allowLoopback}
	if verify {
		b, err := mcptools.NewBuilder(t.provider, store, &mcptools.Options{InsecureAllowLoopback: a.global.allowLoopback})
		if err != nil {
			return oauthstore.Status{}, faultf(mcptools.KindMisconfigured, "%s", message(err))
		}
		o.Verify = b.Verifier(nil)
	}
	c, err := connect.New(store, o)
	if err != nil {
		return oauthstore.Status{}, faultf(mcptools.KindMisconfigured, "%s", message(err))
	}
	ask := &connect.Ask{Account: t.key.Account, ServerURL: t.key.Server}
	if own, err := t.provider.ServerURL(""); err == nil && own == t.key.Server && !t.given {
		ask.ServerURL = "" // the token's way may work at another URL
	}
	r, err := c.Import(ctx, t.provider, t.key.Owner, token, ask)
	if err != nil {
		return oauthstore.Status{}, err
	}
	if r.Warning != "" {
		a.notef("warning: %s", r.Warning)
	}
	return r.Status, nil
}

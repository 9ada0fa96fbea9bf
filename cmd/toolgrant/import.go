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
	"github.com/toolgrant/toolgrant/providers"
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

// way returns the provider's way that the token belongs to: the one with that
// id, or "" for the one that the token tells.
func (f *importFile) way(p providers.Provider, id string) (providers.Way, error) {
	if id == "" && f.RefreshToken == "" && f.ClientID == "" {
		return p.WayOf(f.AccessToken), nil
	}
	way, ok := p.Way(id)
	if !ok {
		return way, usagef("%s has no way %q", p.Name, id)
	}
	return way, nil
}

// credential makes a credential of the file, with what the catalogue knows
// where the file says nothing.
func (f *importFile) credential(p providers.Provider, way providers.Way) oauthstore.Credential {
	c := oauthstore.Credential{
		AccessToken: oauthstore.NewSecret(f.AccessToken), RefreshToken: oauthstore.NewSecret(f.RefreshToken),
		TokenType: f.TokenType, Expiry: f.expiry(),
		Provenance: oauthstore.Provenance{
			Obtained: oauthstore.ObtainedImport, Way: way.ID,
			Issuer: f.Issuer, Resource: f.Resource, TokenEndpoint: f.TokenEndpoint, RevocationEndpoint: f.Revocation,
			ClientID: f.ClientID, AuthMethod: f.AuthMethod,
		},
	}
	if f.Scope != "" {
		c.Provenance.ScopesGranted = strings.Fields(f.Scope)
	}
	for name, secret := range f.Secrets {
		if c.Secrets == nil {
			c.Secrets = make(map[string]oauthstore.Secret, len(f.Secrets))
		}
		c.Secrets[name] = oauthstore.NewSecret(secret)
	}
	if way.Kind == providers.WayKey {
		c.Provenance.Obtained = oauthstore.ObtainedStatic
		return c
	}
	c.Profile = profileOf(p)
	if f.RefreshToken != "" {
		c.Provenance.Issuer = first(f.Issuer, p.OAuth.Issuer)
		c.Provenance.TokenEndpoint = first(f.TokenEndpoint, p.OAuth.TokenEndpoint)
		c.Provenance.RevocationEndpoint = first(f.Revocation, p.OAuth.RevocationEndpoint)
	}
	return c
}

// profileOf is what the catalogue knows of a provider's token endpoint.
func profileOf(p providers.Provider) oauthstore.TokenProfile {
	return oauthstore.TokenProfile{
		KeepsRefreshToken: p.Tokens.Rotates == providers.No, OldAccessDies: p.Tokens.OldAccessDies,
		TTL: p.Tokens.TTL, RefusedCodes: p.Tokens.RefusedCodes,
	}
}

func (a *app) importCommand() *cobra.Command {
	var tokenFile, secretFile, wayID string
	var noVerify bool
	cmd := &cobra.Command{
		Use:   "import PROVIDER --token-file FILE",
		Short: "Take a token that you already have",
		Long: `Takes a token that you already have and stores it, after it was checked.

FILE holds the token itself, or JSON with access_token and any of refresh_token,
expires_at, expires_in with obtained_at, token_endpoint,
token_endpoint_auth_method, revocation_endpoint, client_id, client_secret,
issuer, resource, scope and secrets (an object with what a provider wants beside
the token). "-" is stdin. A bare expires_in means that the expiry is unknown.

A token that is surely for something else is refused (exit 5), and so is one
that the server refuses (exit 3): nothing is stored then.`,
		Args: cobra.ExactArgs(1),
		RunE: a.begin(func(ctx context.Context, args []string) error {
			if tokenFile == "" {
				return usagef("import needs --token-file FILE, or - for stdin")
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
			return a.withStore(ctx, func(store *oauthstore.Store) error {
				t, err := a.resolveNew(ctx, store, args[0])
				if err != nil {
					return err
				}
				s, err := a.importToken(ctx, store, t, file, wayID, !noVerify)
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
	cmd.Flags().BoolVar(&noVerify, "no-verify", false, "do not ask the server whether it takes the token")
	return cmd
}

// importToken checks a token, asks its server about it and stores it.
func (a *app) importToken(ctx context.Context, store *oauthstore.Store, t target, file importFile, wayID string, verify bool) (oauthstore.Status, error) {
	way, err := file.way(t.provider, wayID)
	if err != nil {
		return oauthstore.Status{}, err
	}
	c := file.credential(t.provider, way)
	if err := a.fits(ctx, t, c); err != nil {
		return oauthstore.Status{}, err
	}
	spent := !c.Expiry.IsZero() && time.Until(c.Expiry) <= 0
	switch {
	case spent && c.RefreshToken.IsZero():
		return oauthstore.Status{}, faultf(mcptools.KindUnauthorized, "the token expired at %s and there is no refresh token", stamp(c.Expiry))
	case verify && !spent:
		if c.Verdict, err = a.ask(ctx, t, c); err != nil {
			return oauthstore.Status{}, err
		}
	}
	if file.ClientSecret != "" {
		client := oauthstore.Client{Secret: oauthstore.NewSecret(file.ClientSecret), AuthMethod: file.AuthMethod}
		issuer := first(c.Provenance.Issuer, c.Provenance.TokenEndpoint)
		if err := store.SaveClient(ctx, issuer, file.ClientID, client, time.Time{}); err != nil {
			return oauthstore.Status{}, err
		}
	}
	s, err := store.Put(ctx, t.key, c)
	if err == nil && verify && spent {
		// The server can only be asked about a fresh token, and a new pair is
		// stored before it is used.
		if _, err = a.buildEntry(ctx, store, t, &mcptools.Options{}, 0); err == nil {
			s, err = store.Status(ctx, t.key)
		}
	}
	return s, err
}

// tokenOf is a credential as a builder sees it.
func tokenOf(c oauthstore.Credential) oauthstore.Token {
	return oauthstore.Token{
		AccessToken: c.AccessToken, Secrets: c.Secrets, TokenType: c.TokenType, Expiry: c.Expiry,
		Provenance: c.Provenance, Profile: c.Profile,
	}
}

// A candidate is a credential that is not stored yet, as a builder takes it.
type candidate struct {
	token   oauthstore.Token
	asked   bool // there is a server that could be asked
	verdict oauthstore.Verdict
}

// Token implements [oauthstore.Credentials].
func (c *candidate) Token(ctx context.Context, key oauthstore.Key, need oauthstore.Need) (oauthstore.Token, error) {
	if need.Verify == nil {
		return c.token, nil
	}
	c.asked, c.verdict = true, need.Verify(ctx, key, c.token)
	if c.verdict.Outcome == oauthstore.VerdictRefused {
		return c.token, &oauthstore.Error{Op: "import", Key: key, Reason: c.verdict.Reason, Detail: c.verdict.Detail, Err: oauthstore.ErrRefused}
	}
	return c.token, nil
}

// Reject implements [oauthstore.Credentials].
func (c *candidate) Reject(context.Context, oauthstore.Key, uint64) error { return nil }

// ask asks the server whether it takes a credential.
func (a *app) ask(ctx context.Context, t target, cred oauthstore.Credential) (oauthstore.Verdict, error) {
	c := &candidate{token: tokenOf(cred)}
	if _, err := a.buildEntry(ctx, c, t, &mcptools.Options{}, 0); err != nil {
		return c.verdict, err
	}
	if c.asked && c.verdict.Outcome != oauthstore.VerdictAccepted {
		if ctx.Err() != nil {
			return c.verdict, ctx.Err()
		}
		return c.verdict, faultf(mcptools.KindUnavailable, "%s can't be asked whether it takes the token (%s): try later, or store it with --no-verify",
			t.provider.Name, first(c.verdict.Detail, "it does not answer"))
	}
	return c.verdict, nil
}

// fits refuses a token that is surely for something else, without asking
// anybody: no entry could be built with it.
func (a *app) fits(ctx context.Context, t target, c oauthstore.Credential) error {
	token := tokenOf(c)
	token.Expiry = time.Time{} // whether it has ended is another question
	e, err := a.buildEntry(ctx, &candidate{token: token}, t, &mcptools.Options{InsecureSkipProbe: true}, 0)
	if err != nil {
		f := faultOf(err)
		if f.Kind == mcptools.KindWrongAudience { // this is about the file, and not about a user's connection
			f = faultf(mcptools.KindWrongTokenKind, "%s", f.Message)
		}
		return f
	}
	for _, w := range e.Warnings {
		a.notef("warning: %s", w)
	}
	return nil
}

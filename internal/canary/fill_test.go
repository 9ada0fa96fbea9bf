package canary_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/replay"
	"github.com/toolgrant/toolgrant/internal/secret"
	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// Canaries: the text of every planted secret, and the signers.
const canaryText = "canary-Qm7vT2xK9dLw4Rz8"

// canaries are what is planted: generated once, and not changed afterwards.
type canaries struct {
	signers []crypto.Signer
	forms   map[string]string // their notations, with what each is of
}

func newCanaries(t *testing.T) *canaries {
	t.Helper()
	p := &canaries{forms: map[string]string{}}
	p.remember("the secret", []byte(canaryText))

	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p.number("the ECDSA key", ec.D) //nolint:staticcheck // the number is what must not be printed
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	p.remember("the Ed25519 key", ed.Seed())
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	p.number("the RSA key", rs.D)
	for _, prime := range rs.Primes {
		p.number("an RSA prime", prime)
	}
	p.signers = []crypto.Signer{ed, ec, rs}
	for _, key := range p.signers {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		p.remember("PKCS #8", der[len(der)-24:]) // the key, or the end of it
	}
	return p
}

// verbs of package fmt, and some that it does not know.
const verbs = "vTtbcdoOqxXUeEfFgGspyz"

// flags that change a verb. The first plainFlags are tried within other values
// too.
var flags = []string{"", "+", "#", " ", " #", "-40", ".60"}

const plainFlags = 3

// remember adds the notations of a secret's bytes.
func (p *canaries) remember(what string, data []byte) {
	add := func(form string) {
		if form = strings.Trim(form, "[]{}\" "); len(form) >= 12 {
			p.forms[form] = what
		}
	}
	part := data[len(data)/4 : len(data)*3/4] // a part of a secret is one too
	add(string(part))
	add(hex.EncodeToString(part))
	add(strings.ToUpper(hex.EncodeToString(part)))
	for shift := range 3 {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			add(enc.EncodeToString(part[shift : shift+(len(part)-shift)/3*3]))
		}
	}
	for _, verb := range verbs {
		for _, format := range []string{"%", "%#", "%+", "% "} {
			if verb != 'T' && verb != 'p' {
				add(fmt.Sprintf(format+string(verb), part))
			}
		}
	}
	add(strings.Trim(fmt.Sprintf("%q", string(part)), `"`))
	add(strings.Trim(fmt.Sprintf("%+q", string(part)), `"`))
}

// number adds the notations of a secret number.
func (p *canaries) number(what string, n *big.Int) {
	p.remember(what, n.Bytes())
	p.forms[n.String()[8:40]] = what
	p.forms[n.Text(16)[8:40]] = what
	for _, word := range n.Bits()[:2] { // package fmt shows a nested number as its words
		p.forms[fmt.Sprintf("%d", word)] = what
		p.forms[fmt.Sprintf("%x", word)] = what
	}
}

var (
	secretType = reflect.TypeFor[secret.Secret]()
	signerType = reflect.TypeFor[crypto.Signer]()
	headerType = reflect.TypeFor[http.Header]()
	errorType  = reflect.TypeFor[error]()
)

// secretName matches names of fields that hold a secret. Their type does not matter.
var secretName = regexp.MustCompile(`(?i)(secret|password|verifier|assertion|binding|cookie|(access|refresh|id|bearer|manage|subject|actor)_?token|privatekey|signer|apikey)$`)

// A planter fills one value with canaries.
type planter struct {
	*canaries

	next int // signer
}

// noSecrets are fields that have the name or type of a secret and hold none.
var noSecrets = map[string]string{
	"providers.Carry.Secret":          "the name of a secret",
	"connect.Ask.Challenge":           "the header of a response",
	"oauth.Answer.Header":             "the header of a response",
	"mcptools.ClassifyOptions.Header": "the header of a response",
}

// synthetic are types that show the tokens and keys of a lab or a replay to
// tests; these are worthless outside it.
var synthetic = []reflect.Type{reflect.TypeFor[lab.Grant](), reflect.TypeFor[lab.Info](), reflect.TypeFor[lab.ServerInfo](), reflect.TypeFor[replay.Net]()}

// fill plants canaries in everything that v holds. v is addressable.
func (p *planter) fill(v reflect.Value, name string, depth int) {
	if depth > 8 {
		return
	}
	v = settable(v)
	switch t := v.Type(); {
	case t == secretType:
		v.Set(reflect.ValueOf(secret.New(canaryText)))
		return
	case t == signerType:
		v.Set(reflect.ValueOf(p.signers[p.next%len(p.signers)]))
		p.next++
		return
	case t == headerType:
		v.Set(reflect.ValueOf(http.Header{"Authorization": {"Bearer " + canaryText}}))
		return
	case t.Implements(signerType):
		for _, key := range p.signers {
			if reflect.TypeOf(key) == t {
				v.Set(reflect.ValueOf(key))
			}
		}
		return
	case !ours(t):
		return // nothing is planted in a library's own state
	}
	switch v.Kind() { //nolint:exhaustive // the others hold nothing
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if noSecrets[v.Type().String()+"."+name] == "" {
				p.fill(v.Field(i), name, depth+1)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		p.fill(v.Elem(), name, depth+1)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(p.text(name)))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		p.fill(v.Index(0), name, depth+1)
	case reflect.Array:
		for i := range v.Len() {
			p.fill(v.Index(i), name, depth+1)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		p.fill(key, "", depth+1)
		p.fill(value, name, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString(p.text(name))
	case reflect.Interface:
		switch {
		case v.Type() == errorType:
		case v.NumMethod() == 0:
			v.Set(reflect.ValueOf(secret.New(canaryText)))
		}
	case reflect.Func:
		v.Set(reflect.MakeFunc(v.Type(), func([]reflect.Value) []reflect.Value {
			out := make([]reflect.Value, v.Type().NumOut())
			for i := range out {
				out[i] = reflect.Zero(v.Type().Out(i))
			}
			return out
		}))
	}
}

// settable returns v so that it can be set, also if it is an unexported field.
func settable(v reflect.Value) reflect.Value {
	if v.CanSet() {
		return v
	}
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

func set(field, v reflect.Value) { settable(field).Set(v) }

// text returns what a field of text gets: the canary where its name says that
// it holds a secret.
func (p *planter) text(name string) string {
	if secretName.MatchString(name) {
		return canaryText
	}
	return "plain"
}

// ours reports whether a type is of this module, or made of such types and
// those of the language.
func ours(t reflect.Type) bool {
	if t.PkgPath() != "" {
		return strings.HasPrefix(t.PkgPath(), module)
	}
	switch t.Kind() { //nolint:exhaustive // the others are of the language
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return ours(t.Elem())
	case reflect.Map:
		return ours(t.Key()) && ours(t.Elem())
	}
	return true
}

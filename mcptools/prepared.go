package mcptools

import (
	"reflect"

	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// A prepared holds what is the same in all entries for the provider's own URL
// without headers, so that it is made and checked once. The zero value holds
// nothing: each entry is then made and checked whole.
type prepared struct {
	server string
	tool   *responses.ToolMcpParam // nil if entries would share memory by a copy of it
}

func (b *Builder) prepare() {
	b.bearerInHeaders, b.noBearer = b.inHeaders(), b.platform.Bearer() == ""
	if b.url == "" || !b.hasURL() || b.relay != nil || len(b.headers) > 0 {
		return
	}
	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "t", Subject: "s"}, Provider: b.provider.ID, Server: b.url}
	_, missing := b.entryHeaders(nil)
	if missing != nil || key.Validate() != nil || b.checkEntry(b.url, nil) != nil {
		return
	}
	b.prepared.server = b.url
	if tool := b.skeleton(b.url); !refers(reflect.ValueOf(tool).Elem()) {
		b.prepared.tool = tool
	}
}

// serves reports whether an entry with these options is the prepared one.
func (p *prepared) serves(opts *BuildOptions) bool {
	return p.server != "" && opts.ServerURL == "" && opts.Headers == nil
}

// newTool returns an entry without its credential.
func (b *Builder) newTool(serverURL string) *responses.ToolMcpParam {
	if b.prepared.tool == nil || serverURL != b.prepared.server {
		return b.skeleton(serverURL)
	}
	tool := *b.prepared.tool
	return &tool
}

// refers reports whether a copy of v shares memory that can be changed with v.
func refers(v reflect.Value) bool {
	kind := v.Kind()
	if kind == reflect.Struct {
		for _, field := range v.Fields() {
			if refers(field) {
				return true
			}
		}
		return false
	}
	text := kind == reflect.String // which can't be changed
	return !text && kind >= reflect.Array && !v.IsZero()
}

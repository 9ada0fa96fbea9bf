package relay

import (
	"context"
	"encoding/json"
	"maps"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/toolgrant/toolgrant/internal/exactjson"
	"github.com/toolgrant/toolgrant/internal/toolpin"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// A listedTool is what the rules need to know of a tool that a server listed.
type listedTool struct {
	name     string
	readOnly bool          // annotated as such
	print    toolpin.Print // if pins are on; without sums if the definition is ambiguous
	at       time.Time     // of the list
}

// read reads a tool of a list. It is false if clients may read another tool.
func (c *toolCache) read(raw json.RawMessage) (listedTool, bool) {
	o, err := exactjson.Read(raw)
	name, ok := o.String("name")
	if err != nil || !ok || len(name) > maxName || o.Ambiguous("name", "description", "inputSchema", "annotations") {
		return listedTool{}, false
	}
	annotations, err := o.Object("annotations")
	t := listedTool{
		name: name, print: toolpin.Print{Name: name}, at: time.Now(),
		readOnly: err == nil && !annotations.Ambiguous("readOnlyHint") && string(annotations.Get("readOnlyHint")) == "true",
	}
	if c.prints {
		if p, err := toolpin.Of(raw); err == nil {
			t.print = p
		}
	}
	return t, true
}

// A toolCache remembers what servers listed for a credential. Safe for concurrent
// use.
type toolCache struct {
	prints  bool // fingerprints are needed
	lists   *otter.Cache[oauthstore.Key, *toolList]
	fetches singleflight.Group
}

// A toolList is what a server listed for a credential. It is not changed.
type toolList struct {
	tools map[string]listedTool
	at    time.Time // when the relay asked for the whole list; zero: never
}

const (
	// toolTTL is how long a listed tool counts.
	toolTTL = 5 * time.Minute
	// listPause is for how long a tool that the whole list lacks does not cause
	// another list.
	listPause = 30 * time.Second
	// maxCached bounds the tools of all credentials.
	maxCached = 100_000
	// maxName is the maximum length of a tool's name in bytes. MCP recommends 128.
	maxName = 256
	// maxListed bounds the tools of one credential.
	maxListed = 1000
)

func newToolCache(prints bool) *toolCache {
	return &toolCache{prints: prints, lists: otter.Must(&otter.Options[oauthstore.Key, *toolList]{
		MaximumWeight: maxCached,
		Weigher:       func(_ oauthstore.Key, l *toolList) uint32 { return uint32(len(l.tools)) + 1 }, //nolint:gosec // bounded
	})}
}

// find returns a tool, from the server if it is not known; false if the server
// does not list it. The error is list's.
func (c *toolCache) find(ctx context.Context, key oauthstore.Key, name string, list lister) (listedTool, bool, error) {
	if l, ok := c.lists.GetIfPresent(key); ok {
		now := time.Now()
		tool, ok := l.tools[name]
		if ok && now.Sub(tool.at) < toolTTL {
			return tool, true, nil
		}
		if now.Sub(l.at) < listPause {
			return listedTool{}, false, nil
		}
	}
	tools, err := c.fetch(ctx, key, list)
	tool, ok := byName(tools)[name]
	return tool, ok, err
}

// fetch asks the server for the whole list, once for concurrent callers.
func (c *toolCache) fetch(ctx context.Context, key oauthstore.Key, list lister) ([]listedTool, error) {
	id := string(joined(key.Owner.Tenant, key.Owner.Subject, key.Provider, key.Account, key.Server))
	for {
		mine := false
		all, err, _ := c.fetches.Do(id, func() (any, error) {
			mine = true
			raw, err := list(ctx)
			if err != nil {
				return nil, err
			}
			tools := c.readAll(raw)
			c.lists.Set(key, &toolList{tools: byName(tools), at: time.Now()})
			return tools, nil
		})
		if err != nil && !mine && ctx.Err() == nil {
			continue // the caller that asked may have gone
		}
		tools, _ := all.([]listedTool)
		return tools, err
	}
}

// learn adds the tools of a page that passes.
func (c *toolCache) learn(key oauthstore.Key, tools []listedTool) {
	c.lists.Compute(key, func(old *toolList, found bool) (*toolList, otter.ComputeOp) {
		l := &toolList{tools: byName(tools)}
		if found && len(old.tools)+len(tools) <= maxListed {
			all := maps.Clone(old.tools)
			maps.Copy(all, l.tools)
			l.tools, l.at = all, old.at
		}
		return l, otter.WriteOp
	})
}

// forget drops the list of a credential.
func (c *toolCache) forget(key oauthstore.Key) { c.lists.Invalidate(key) }

// readAll reads the tools of a list. It leaves out those that can't be judged.
func (c *toolCache) readAll(raw []json.RawMessage) []listedTool {
	var all []listedTool
	for _, r := range raw[:min(len(raw), maxListed)] {
		if tool, ok := c.read(r); ok {
			all = append(all, tool)
		}
	}
	return all
}

// byName returns the tools by name. Two tools of one name can't be told apart
// in a call, so neither counts as read-only or as pinned.
func byName(tools []listedTool) map[string]listedTool {
	all := make(map[string]listedTool, len(tools))
	for _, tool := range tools {
		if _, ok := all[tool.name]; ok {
			tool.readOnly, tool.print = false, toolpin.Print{Name: tool.name}
		}
		all[tool.name] = tool
	}
	return all
}

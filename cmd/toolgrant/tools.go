package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/openai/openai-go/v3/responses"
	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/internal/toolpin"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// A toolView is a tool as it is printed.
type toolView struct {
	Name        string  `json:"name"`
	Title       *string `json:"title"`
	ReadOnly    bool    `json:"read_only"`
	Tokens      int     `json:"tokens"`
	Description string  `json:"description"`

	Changes []string `json:"changes,omitempty"` // since it was pinned
}

// bytesPerToken is a rough average of OpenAI's tokenizers for JSON and English.
const bytesPerToken = 4

func toolViewOf(t mcp.Tool) toolView {
	v := toolView{
		Name: t.Name, Title: orNull(first(t.Title, t.Annotations.Title)), Description: t.Description,
		ReadOnly: t.Annotations.ReadOnlyHint != nil && *t.Annotations.ReadOnlyHint,
	}
	// The model reads the name, the description and the schema of the input.
	read, err := json.Marshal(map[string]any{"name": t.Name, "description": t.Description, "parameters": t.InputSchema})
	if err == nil {
		v.Tokens = (len(read) + bytesPerToken - 1) / bytesPerToken
	}
	return v
}

// toolsFlags are the flags of tools.
type toolsFlags struct {
	tokenFile string
	takes     []string
	readOnly  bool
	pin       bool
}

func (a *app) toolsCommand() *cobra.Command {
	var f toolsFlags
	cmd := &cobra.Command{
		Use:   "tools PROVIDER",
		Short: "List the tools of a server",
		Long: `Lists the tools of a server, with the rough number of tokens that each takes up in
a prompt. It calls none of them.

With --pin it also stores fingerprints of the tools beside the credential, and shows
which of them changed since the last time. A relay with pins reports later changes,
or withholds changed tools until they are pinned again.`,
		Example: `  toolgrant tools linear --read-only
  toolgrant tools linear --pin
  toolgrant tools wiki=https://mcp.example.com/mcp --probe-token-file token`,
		Args: cobra.ExactArgs(1),
		RunE: a.begin(func(ctx context.Context, args []string) error {
			return a.withStore(ctx, func(store *oauthstore.Store) error {
				if f.pin && f.tokenFile != "" {
					return usagef("--pin needs the stored credential: drop --probe-token-file")
				}
				entry, key, err := a.toolsEntry(ctx, store, args[0], f)
				if err != nil {
					return err
				}
				all, partial, err := a.listTools(ctx, args[0], key.Server, entry)
				if err != nil {
					return err
				}
				var changes []toolpin.Change
				if f.pin {
					if partial {
						return faultf(mcptools.KindProtocol, "%s: the tool list ends with an error, so nothing was pinned", args[0])
					}
					if changes, err = a.pinTools(ctx, store, key, all); err != nil {
						return err
					}
				}
				views := toolViews(all, changes, f.readOnly)
				a.print(views, func(w io.Writer) { a.ui.tools(w, views, f.readOnly) })
				return nil
			})
		}),
	}
	cmd.Flags().StringVar(&f.tokenFile, "probe-token-file", "", "`FILE` with a token to send instead of the stored one, - for stdin")
	cmd.Flags().BoolVar(&f.readOnly, "read-only", false, "list only tools that the server annotates as read-only")
	cmd.Flags().BoolVar(&f.pin, "pin", false, "accept the tools as they are, and show what changed since the last --pin")
	registerTakes(cmd, &f.takes)
	return cmd
}

// toolViews returns the views of the tools, and what changed about them.
func toolViews(all []json.RawMessage, changes []toolpin.Change, readOnly bool) []toolView {
	changed := make(map[string][]string, len(changes))
	for _, c := range changes {
		changed[c.Tool] = c.Changes
	}
	views := make([]toolView, 0, len(all))
	for _, raw := range all {
		var t mcp.Tool
		if json.Unmarshal(raw, &t) != nil {
			continue // not a tool
		}
		if v := toolViewOf(t); v.ReadOnly || !readOnly {
			v.Changes = changed[t.Name]
			views = append(views, v)
		}
	}
	return views
}

// pinTools pins the tools of a server, and returns what changed since they were
// pinned before.
func (a *app) pinTools(ctx context.Context, store *oauthstore.Store, key oauthstore.Key, all []json.RawMessage) ([]toolpin.Change, error) {
	var prints []toolpin.Print
	for _, raw := range all {
		p, err := toolpin.Of(raw)
		if err != nil {
			a.notef("warning: a tool with an ambiguous definition is not pinned")
			continue
		}
		prints = append(prints, p)
	}
	old, err := toolpin.Load(ctx, store, key)
	if err != nil && !toolpin.Replaceable(err) {
		return nil, err
	}
	if _, err := toolpin.Save(ctx, store, key, prints, old); err != nil {
		return nil, err
	}
	a.notef("%s pinned", plural(len(prints), "tool"))
	if old == nil {
		return nil, nil
	}
	changes := old.Diff(prints)
	for _, c := range changes {
		a.notef("changed: %s (%s)", c.Tool, strings.Join(c.Changes, ", "))
	}
	return changes, nil
}

// toolsEntry returns the entry whose tools are wanted, and its credential's key:
// with the token of the file, with the stored credential, or without one.
func (a *app) toolsEntry(ctx context.Context, store *oauthstore.Store, name string, f toolsFlags) (*responses.ToolMcpParam, oauthstore.Key, error) {
	var none oauthstore.Key
	t, err := a.resolveNew(ctx, store, name)
	if err != nil {
		return nil, none, err
	}
	if err := t.addTakes(f.takes); err != nil {
		return nil, none, err
	}
	if err := a.usable(t); err != nil {
		return nil, none, err
	}
	if t.key.Server == "" {
		return nil, none, faultf(mcptools.KindUnsupported, "%s is one of OpenAI's connectors, which has no MCP server to ask", t.key.Provider)
	}
	var creds oauthstore.Credentials = store
	if f.tokenFile == "" {
		t, err = a.orOpen(ctx, store, t)
	} else {
		creds, err = a.probeToken(&t, f.tokenFile)
	}
	if err != nil {
		return nil, none, err
	}
	b, err := mcptools.NewBuilder(t.provider, creds, &mcptools.Options{InsecureSkipProbe: true, InsecureAllowLoopback: a.global.allowLoopback})
	if err != nil {
		return nil, none, faultf(mcptools.KindMisconfigured, "%s", message(err))
	}
	tool, err := b.Build(ctx, t.key.Owner, &mcptools.BuildOptions{Account: t.key.Account, ServerURL: t.key.Server})
	return tool.OfMcp, t.key, err
}

// probeToken returns the token in a file as the only credential. A token that is
// recognized as another service's is refused.
func (a *app) probeToken(t *target, name string) (oauthstore.Credentials, error) {
	data, err := a.readInput(name)
	if err != nil {
		return nil, err
	}
	file, err := parseToken(data)
	if err != nil {
		return nil, err
	}
	if err := t.refuse("", file.AccessToken); err != nil {
		return nil, err
	}
	token := *file.examined(t.provider)
	return oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) { return token, nil }), nil
}

// listTools asks the server for the tools that OpenAI would see with that entry.
// partial reports that the list ended with an error.
func (a *app) listTools(ctx context.Context, name, serverURL string, entry *responses.ToolMcpParam) (all []json.RawMessage, partial bool, err error) {
	h := make(http.Header)
	for name, value := range entry.Headers {
		h.Set(name, value)
	}
	if entry.Authorization.Valid() {
		h.Set("Authorization", "Bearer "+entry.Authorization.Value)
	}
	hc := a.probeClient()
	defer hc.CloseIdleConnections()
	all, res := mcpprobe.List(ctx, hc, mcpprobe.Request{URL: serverURL}, h)
	switch {
	case ctx.Err() != nil:
		return nil, false, ctx.Err()
	case res.Outcome == mcpprobe.Refused || res.Cause != mcpprobe.CauseAnonymous:
		return nil, false, probeFault(res, "%s: %s", name, res.Detail)
	}
	return all, res.Partial, nil
}

// tools writes a list of tools for people.
func (u *ui) tools(w io.Writer, all []toolView, readOnly bool) {
	rows := make([][]string, len(all))
	tokens := 0
	for i, t := range all {
		access := "writes"
		if t.ReadOnly {
			access = "reads"
		}
		rows[i] = []string{safetext.Line(t.Name), access, strconv.Itoa(t.Tokens), safetext.Excerpt(first(t.Description, text(t.Title)), 160)}
		tokens += t.Tokens
	}
	if len(all) > 0 {
		u.table(w, []string{"TOOL", "ACCESS", "TOKENS", "DESCRIPTION"}, rows, nil)
		_, _ = io.WriteString(w, "\n")
	}
	kind := "tool"
	if readOnly {
		kind = "read-only tool"
	}
	_, _ = fmt.Fprintf(w, "%s, about %d tokens in each prompt.\n", plural(len(all), kind), tokens)
}

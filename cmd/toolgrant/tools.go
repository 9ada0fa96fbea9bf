package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/openai/openai-go/v3/responses"
	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/internal/safetext"
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
}

func (a *app) toolsCommand() *cobra.Command {
	var f toolsFlags
	cmd := &cobra.Command{
		Use:   "tools PROVIDER",
		Short: "List the tools of a server",
		Long: `Lists the tools of a server, with the rough number of tokens that each takes up in
a prompt. It calls none of them.`,
		Example: `  toolgrant tools linear --read-only
  toolgrant tools wiki=https://mcp.example.com/mcp --probe-token-file token`,
		Args: cobra.ExactArgs(1),
		RunE: a.begin(func(ctx context.Context, args []string) error {
			return a.withStore(ctx, func(store *oauthstore.Store) error {
				entry, serverURL, err := a.toolsEntry(ctx, store, args[0], f)
				if err != nil {
					return err
				}
				all, err := a.listTools(ctx, args[0], serverURL, entry)
				if err != nil {
					return err
				}
				views := make([]toolView, 0, len(all))
				for _, t := range all {
					if v := toolViewOf(t); v.ReadOnly || !f.readOnly {
						views = append(views, v)
					}
				}
				a.print(views, func(w io.Writer) { a.ui.tools(w, views, f.readOnly) })
				return nil
			})
		}),
	}
	cmd.Flags().StringVar(&f.tokenFile, "probe-token-file", "", "`FILE` with a token to send instead of the stored one, - for stdin")
	cmd.Flags().BoolVar(&f.readOnly, "read-only", false, "list only tools that the server annotates as read-only")
	registerTakes(cmd, &f.takes)
	return cmd
}

// toolsEntry returns the entry whose tools are wanted, and its server URL: with
// the token of the file, with the stored credential, or without one.
func (a *app) toolsEntry(ctx context.Context, store *oauthstore.Store, name string, f toolsFlags) (*responses.ToolMcpParam, string, error) {
	t, err := a.resolveNew(ctx, store, name)
	if err != nil {
		return nil, "", err
	}
	if err := t.addTakes(f.takes); err != nil {
		return nil, "", err
	}
	if err := a.usable(t); err != nil {
		return nil, "", err
	}
	if t.key.Server == "" {
		return nil, "", faultf(mcptools.KindUnsupported, "%s is one of OpenAI's connectors, which has no MCP server to ask", t.key.Provider)
	}
	var creds oauthstore.Credentials = store
	if f.tokenFile == "" {
		t, err = a.orOpen(ctx, store, t)
	} else {
		creds, err = a.probeToken(&t, f.tokenFile)
	}
	if err != nil {
		return nil, "", err
	}
	b, err := mcptools.NewBuilder(t.provider, creds, &mcptools.Options{InsecureSkipProbe: true, InsecureAllowLoopback: a.global.allowLoopback})
	if err != nil {
		return nil, "", faultf(mcptools.KindMisconfigured, "%s", message(err))
	}
	tool, err := b.Build(ctx, t.key.Owner, &mcptools.BuildOptions{Account: t.key.Account, ServerURL: t.key.Server})
	return tool.OfMcp, t.key.Server, err
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
func (a *app) listTools(ctx context.Context, name, serverURL string, entry *responses.ToolMcpParam) ([]mcp.Tool, error) {
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
		return nil, ctx.Err()
	case res.Outcome == mcpprobe.Refused || res.Cause != mcpprobe.CauseAnonymous:
		return nil, faultf(probeKind(res), "%s: %s", name, res.Detail)
	}
	return all, nil
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

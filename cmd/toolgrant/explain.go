package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/doctor"
)

func (a *app) explainCommand() *cobra.Command {
	var o mcptools.ClassifyOptions
	var on platformFlag
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Explain an error that is read from stdin",
		Long: `Reads an error from stdin and classifies it: the body of an HTTP error, an output
item, a stream event, or a log line that contains one of these. It sends no
requests. An unrecognized error is "unknown", and the exit code is 0 too. If a
label or URL in the text belongs to a server in the catalogue, the advice uses
the catalogue's facts about it.`,
		Example: `  pbpaste | toolgrant explain
  toolgrant explain --json --http-status 424 --label asana < body.json`,
		Args: cobra.NoArgs,
		RunE: a.begin(func(context.Context, []string) error {
			switch o.Surface {
			case "", "responses", "realtime", "azure":
			default:
				return usagef("--surface %q: must be responses, realtime or azure", o.Surface)
			}
			p, err := on.platform()
			if err != nil {
				return err
			}
			o.Surface = surface(p, o.Surface)
			if o.HTTPStatus != 0 && (o.HTTPStatus < 100 || o.HTTPStatus > 599) {
				return usagef("--http-status must be between 100 and 599")
			}
			data, err := io.ReadAll(io.LimitReader(a.stdin, maxInput)) // the rest of a longer text is ignored
			if err != nil {
				return fmt.Errorf("read stdin: %w", err)
			}
			f := mcptools.Classify(data, &o)
			v := explanation{f, doctor.Advise(string(data), f)}
			a.print(v, func(w io.Writer) {
				a.ui.failure(w, f)
				a.ui.bullets(w, "Advice", v.advice.Sentences)
				a.ui.commands(w, v.advice.Commands)
			})
			return nil
		}),
	}
	cmd.Flags().IntVar(&o.HTTPStatus, "http-status", 0, "HTTP status `N` of the response")
	cmd.Flags().StringVar(&o.Surface, "surface", "", "API that the error comes from: responses, realtime or azure")
	on.register(cmd.Flags(), "`NAME` of the service that the error comes from, which wins over --surface")
	cmd.Flags().StringArrayVar(&o.Labels, "label", nil, "server_label in the request; repeat for all of them")
	return cmd
}

// An explanation is a classification with advice, as it is printed.
type explanation struct {
	failure *mcptools.Failure
	advice  doctor.Advice
}

// MarshalJSON returns the fields of the classification, then those of the advice.
func (e explanation) MarshalJSON() ([]byte, error) {
	failure, err := json.Marshal(e.failure)
	if err != nil {
		return nil, err
	}
	advice, err := json.Marshal(struct {
		Provider *string  `json:"provider"`
		Advice   []string `json:"advice"`
		Commands []string `json:"commands"`
	}{orNull(e.advice.Provider), list(e.advice.Sentences), list(e.advice.Commands)})
	if err != nil {
		return nil, err
	}
	return append(append(bytes.TrimSuffix(failure, []byte("}")), ','), advice[1:]...), nil
}

// kindWords are the kinds in words, for the plain output.
var kindWords = map[mcptools.Kind]string{
	mcptools.KindUnauthorized:    "The MCP server refuses the token.",
	mcptools.KindForbidden:       "The MCP server accepts the token but refuses the request.",
	mcptools.KindBadRequest:      "The MCP server rejects OpenAI's request as malformed.",
	mcptools.KindNotFound:        "There is no MCP server at that URL.",
	mcptools.KindWrongEndpoint:   "A server responds there, but it is not an MCP endpoint that OpenAI's client can use.",
	mcptools.KindRateLimited:     "The MCP server limits the rate of requests.",
	mcptools.KindTimeout:         "The MCP server took too long.",
	mcptools.KindServerError:     "The MCP server failed.",
	mcptools.KindUnreachable:     "OpenAI can't reach the MCP server.",
	mcptools.KindSessionLost:     "The MCP server has forgotten the session.",
	mcptools.KindProtocol:        "The MCP server's response is not valid MCP.",
	mcptools.KindToolFailed:      "The tool ran and reported an error.",
	mcptools.KindUpstreamUnknown: "The MCP server failed, and OpenAI does not report why.",
	mcptools.KindNoTools:         "The MCP server has no tools for this token.",
	mcptools.KindInvalidTool:     "OpenAI refuses the tools entry as it is written.",
	mcptools.KindInvalidHistory:  "OpenAI refuses the history that the request builds on.",
	mcptools.KindUnsupported:     "This endpoint or model does not take an mcp tool, or not with this parameter.",
	mcptools.KindPlatform:        "OpenAI itself failed or refused: no MCP server is involved.",
	mcptools.KindUnknown:         "Unrecognized; it may not be an error.",
	mcptools.KindNotConnected:    "The user has not connected the account.",
	mcptools.KindReauthorize:     "The user must connect the account again.",
	mcptools.KindWrongAudience:   "The token was not issued for this MCP server.",
	mcptools.KindWrongTokenKind:  "The credential is not one that this MCP server takes.",
	mcptools.KindMisconfigured:   "The configuration is wrong.",
}

// failure writes a classification for people.
func (u *ui) failure(w io.Writer, f *mcptools.Failure) {
	number := func(n *int) string {
		if n == nil {
			return ""
		}
		return strconv.Itoa(*n)
	}
	status, retry := "", "no: fix the cause first, or check whether a tool has run"
	if f.UpstreamStatus != 0 {
		status = strconv.Itoa(f.UpstreamStatus)
	}
	if f.Retryable {
		retry = "yes: the same request can be sent again"
	}
	if f.Kind == mcptools.KindUnknown {
		_, _ = fmt.Fprintf(w, "%s  %s\n", u.warn.Render(string(f.Kind)), kindWords[f.Kind])
		return
	}
	_, _ = fmt.Fprintf(w, "%s  %s\n\n", u.bad.Render(string(f.Kind)), kindWords[f.Kind])
	u.fields(w,
		field{"stage", string(f.Stage)},
		field{"server", safetext.Line(first(f.ServerLabel, f.ServerURL))},
		field{"entry", number(f.ToolIndex)},
		field{"tool", safetext.Line(f.ToolName)},
		field{"server status", status},
		field{"JSON-RPC code", number(f.RPCCode)},
		field{"what to do", actionWords[f.Action]},
		field{"consent page", safetext.Line(f.ConsentURL)},
		field{"retry", retry},
	)
}

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// A session is one conversation of a user with the model.
type session struct {
	client   openai.Client
	model    string
	set      *mcptools.Set
	owner    oauthstore.Owner
	who      string // the user's name
	previous string // id of the last response
	page     *page
}

// turn sends a message and prints what comes of it. A server whose tool list
// can't be had is left out: it must not cost the user the whole answer.
func (s *session) turn(ctx context.Context, message string) error {
	s.page.tell(s.who, message)
	left := map[string]bool{}     // out
	rejected := map[string]bool{} // once
	for {
		built, err := s.set.Build(ctx, s.owner, &mcptools.SetBuildOptions{SkipFailures: true})
		if err != nil {
			return err
		}
		for _, skipped := range built.Skipped {
			s.page.fails(skipped.Label, skipped.Failure.PublicMessage())
		}
		var tools []responses.ToolUnionParam
		for _, e := range built.Entries {
			if !left[e.Label] {
				tools = append(tools, e.Tool())
			}
		}
		resp, err := s.client.Responses.New(ctx, s.request(message, tools))
		if err == nil {
			s.previous = resp.ID
			s.print(resp, built)
			return nil
		}
		f, ok := built.AsFailure(err)
		if !ok || f.Stage != mcptools.StageListTools || f.ServerLabel == "" || left[f.ServerLabel] {
			return err
		}
		s.page.fails("openai-go", err.Error())
		s.page.fails("AsFailure", fmt.Sprintf("%s of %q at the stage %s", f.Kind, f.ServerLabel, f.Stage))
		if f.Kind == mcptools.KindUnauthorized && !rejected[f.ServerLabel] {
			rejected[f.ServerLabel] = true
			if err := reject(ctx, built, f.ServerLabel); err != nil {
				return err
			}
			continue
		}
		left[f.ServerLabel] = true
		s.page.tell("session", f.PublicMessage()+" I go on without it.")
	}
}

// reject tells the store that OpenAI came with this entry's token and was
// refused. The next build refreshes it, or says that only the user can help.
func reject(ctx context.Context, built mcptools.Result, label string) error {
	for _, e := range built.Entries {
		if e.Label == label {
			return e.Reject(ctx)
		}
	}
	return nil
}

// request continues the conversation, so that tool lists which are in its
// context already are not asked for again. The tools go with every request.
func (s *session) request(message string, tools []responses.ToolUnionParam) responses.ResponseNewParams {
	p := responses.ResponseNewParams{
		Model: s.model, Tools: tools,
		Input: responses.ResponseNewParamsInputUnion{OfString: param.NewOpt(message)},
	}
	if s.previous != "" {
		p.PreviousResponseID = param.NewOpt(s.previous)
	}
	return p
}

// print shows what the model did, and what failed on the way.
func (s *session) print(resp *responses.Response, built mcptools.Result) {
	for _, it := range resp.Output {
		switch it.Type {
		case "mcp_list_tools":
			list := it.AsMcpListTools()
			names := make([]string, len(list.Tools))
			for i, t := range list.Tools {
				names[i] = t.Name
			}
			s.page.works(list.ServerLabel, "lists "+strings.Join(names, ", "))
		case "mcp_call":
			if call := it.AsMcpCall(); call.Output != "" {
				s.page.works(call.ServerLabel, fmt.Sprintf("%s %s → %s", call.Name, call.Arguments, call.Output))
			}
		}
	}
	for _, f := range mcptools.FailuresIn(resp, &mcptools.ClassifyOptions{Entries: built.Entries}) {
		s.page.fails(f.ServerLabel, f.Error())
	}
	if text := resp.OutputText(); text != "" {
		s.page.tell("model", text)
	}
}

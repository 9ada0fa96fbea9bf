package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"

	"github.com/openai/openai-go/v3/realtime"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "realtime:", err)
		os.Exit(1)
	}
}

// update is the client event that defines the session's tools. A session keeps
// the entries that it was given, so send another one before a token expires.
func update(entries []mcptools.Entry) ([]byte, error) {
	tools := make(realtime.RealtimeToolsConfigParam, 0, len(entries))
	for _, e := range entries {
		tools = append(tools, e.Realtime())
	}
	return json.Marshal(realtime.SessionUpdateEventParam{
		Session: realtime.SessionUpdateEventSessionUnionParam{
			OfRealtime: &realtime.RealtimeSessionCreateRequestParam{Model: "gpt-realtime", Tools: tools},
		},
	})
}

// onError returns what to do about an error event of the session: the entry to
// send again, or the failure to show.
func onError(ctx context.Context, event []byte, sent []mcptools.Entry) (*mcptools.Entry, *mcptools.Failure) {
	failure := mcptools.Classify(event, &mcptools.ClassifyOptions{Surface: "realtime", Entries: sent})
	if failure.Action != mcptools.ActionRefresh {
		return nil, failure
	}
	for _, e := range sent {
		if e.Label != failure.ServerLabel {
			continue
		}
		if err := e.Reject(ctx, oauthstore.Verdict{}); err != nil {
			return nil, failure
		}
		fresh, err := e.Renew(ctx)
		if refused, ok := mcptools.AsFailure(err); ok {
			return nil, refused
		}
		return &fresh, nil
	}
	return nil, failure
}

func run(ctx context.Context, out io.Writer) (err error) {
	world, err := lab.Start(&lab.Options{Servers: []lab.Server{{Name: "notes"}}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, &oauthstore.Options{InsecureAllowLoopback: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close(context.WithoutCancel(ctx))) }()
	notes := providers.Custom("notes", world.Server("notes").MCPURL, &providers.CustomOptions{Name: "Notes"})
	builder, err := mcptools.NewBuilder(notes, store, &mcptools.Options{ReadOnly: true, Approval: mcptools.ApprovalNever, InsecureAllowLoopback: true})
	if err != nil {
		return err
	}
	set, err := mcptools.NewSet(builder)
	if err != nil {
		return err
	}
	mia := oauthstore.Owner{Tenant: "acme", Subject: "mia"}
	key := oauthstore.Key{Owner: mia, Provider: notes.ID, Server: notes.Server.URL}
	if _, err := store.Put(ctx, key, world.Grant("notes", mia.Subject).Credential()); err != nil {
		return err
	}
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }

	tools, err := set.Build(ctx, mia, nil)
	if err != nil {
		return err
	}
	message, err := update(tools.Entries)
	if err != nil {
		return err
	}
	say("The session starts with Mia's tools:\n%s\n", hide(message))

	world.Expire()
	event := []byte(`{"type":"conversation.item.done","item":{"id":"mcp_1","type":"mcp_call","name":"search","server_label":"notes",` +
		`"error":{"type":"http_error","code":401,"message":"Unauthorized"}}}`)
	again, failure := onError(ctx, event, tools.Entries)
	if failure != nil {
		return failure
	}
	if message, err = update([]mcptools.Entry{*again}); err != nil {
		return err
	}
	say("Her token expires in the middle of the conversation, and a call fails. The session gets a new one:\n%s\n", hide(message))

	world.Revoke(mia.Subject)
	_, failure = onError(ctx, event, []mcptools.Entry{*again})
	say("She revokes her consent. What the assistant says: %s", failure.PublicMessage())
	return nil
}

var token = regexp.MustCompile(`"authorization":"[^"]*"|http://127\.0\.0\.1:\d+`)

// hide removes the token, and the port, which differs each time.
func hide(message []byte) string {
	return token.ReplaceAllStringFunc(string(message), func(s string) string {
		if strings.HasPrefix(s, "http") {
			return "http://127.0.0.1"
		}
		return `"authorization":"…"`
	})
}

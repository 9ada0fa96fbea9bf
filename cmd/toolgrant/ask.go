package main

import (
	"bufio"
	"context"
	"os"
	"strings"

	"github.com/toolgrant/toolgrant/mcptools/session"
)

// questions ask the user to approve each call.
type questions struct {
	v        *view
	lines    *bufio.Scanner
	terminal *os.File // stdin, if it is a terminal, which echoes the answer; else nil
}

func (a *app) newQuestions(v *view) *questions {
	q := &questions{v: v, lines: bufio.NewScanner(a.stdin)}
	if f, ok := a.stdin.(*os.File); ok && isTerminal(f) {
		q.terminal = f
	}
	q.lines.Buffer(nil, maxInput)
	return q
}

// approve waits for a yes or no on stdin. An empty line and the end of the input
// mean no; after any other line the question is repeated.
func (q *questions) approve(ctx context.Context, call session.ApprovalRequest) (session.Answer, error) {
	no := session.Answer{Decision: session.DecisionDeny, Reason: "the user said no"}
	for {
		if q.terminal != nil {
			discardInput(q.terminal) // typed before the question, it is not an answer to it
		}
		q.v.ask(call)
		line, more, err := q.line(ctx)
		if err != nil {
			return session.Answer{}, err
		}
		q.v.asked(more && q.terminal != nil)
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return session.Answer{Decision: session.DecisionApprove}, nil
		case "n", "no", "":
			return no, nil
		}
	}
}

// line returns the next line and whether there was one. Reading a terminal can't
// be interrupted: when ctx is canceled, line returns and the read is abandoned.
func (q *questions) line(ctx context.Context) (line string, more bool, err error) {
	read := make(chan bool, 1)
	go func() { read <- q.lines.Scan() }()
	select {
	case more = <-read:
		return q.lines.Text(), more, nil
	case <-ctx.Done():
		return "", false, ctx.Err()
	}
}

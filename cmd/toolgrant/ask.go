package main

import (
	"bufio"
	"context"
	"strings"

	"github.com/toolgrant/toolgrant/mcptools/session"
)

// questions ask for each call whether it may be made.
type questions struct {
	v     *view
	lines *bufio.Scanner
	echo  bool // what is read is seen on the screen: it is a terminal
}

func (a *app) newQuestions(v *view) *questions {
	q := &questions{v, bufio.NewScanner(a.stdin), isTerminal(a.stdin)}
	q.lines.Buffer(nil, maxInput)
	return q
}

// approve waits for a line that says yes or no. An empty one is a no, as is the
// end of the input; after anything else it is asked again.
func (q *questions) approve(ctx context.Context, call session.Approval) (session.Answer, error) {
	no := session.Answer{Decision: session.Deny, Reason: "the user said no"}
	for {
		q.v.ask(call)
		line, more, err := q.line(ctx)
		if err != nil {
			return session.Answer{}, err
		}
		q.v.asked(more && q.echo)
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return session.Answer{Decision: session.Approve}, nil
		case "n", "no", "":
			return no, nil
		}
	}
}

// line reads the next line, and whether there was one. A terminal can't be
// interrupted: when ctx ends, the reading goes on and nobody waits for it.
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

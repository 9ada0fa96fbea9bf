package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// Consumers leave, cancel, panic and stall at random points, while OpenAI fails at
// random: a session never panics, no goroutine is left, and the state is always
// resumable. TOOLGRANT_SOAK runs 10,000 sessions.
func TestConsumersAndOpenAIMayFailAnywhere(t *testing.T) {
	t.Parallel()
	sessions := uint64(300)
	if os.Getenv("TOOLGRANT_SOAK") != "" {
		sessions = 10_000
	}
	seen := make(map[string]int)
	for seed := range sessions {
		synctest.Test(t, func(t *testing.T) {
			c := &chaos{Rand: rand.New(rand.NewPCG(seed, 0)), seen: seen}
			c.run(t)
		})
		require.False(t, t.Failed(), "seed %d", seed)
	}
	for _, what := range []string{"left", "canceled", "panicked", "stalled", "completed", "failed", "continued", "abandoned", "background", "a call waits", "too many rounds"} {
		assert.Positive(t, seen[what], what)
	}
	t.Log(seen)
}

// A chaos is one session with its consumer.
type chaos struct {
	*rand.Rand

	seen  map[string]int // how often each thing has happened
	model model
	works bool // the sources of tokens and OpenAI fail no more
	set   *mcptools.Set
	opts  session.Options
}

func (c *chaos) one(n int) bool { return c.IntN(n) == 0 }

func (c *chaos) run(t *testing.T) {
	t.Helper()
	c.build(t)
	s := c.session(t, nil)
	for range 1 + c.IntN(4) {
		c.turn(t, s)
		st := s.State()
		if c.one(2) {
			s = c.session(t, &st)
		}
	}
	c.recover(t, s)
}

// build makes the options, and the faults of OpenAI.
func (c *chaos) build(t *testing.T) {
	t.Helper()
	var builders []*mcptools.Builder
	for _, name := range []string{"notes", "tasks"} {
		own := rand.New(rand.NewPCG(c.Uint64(), 0)) // entries are built concurrently
		source := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
			if own.IntN(10) == 0 && !c.works {
				return oauthstore.Token{}, oauthstore.ErrUnavailable
			}
			return oauthstore.Token{AccessToken: oauthstore.NewSecret("synthetic-secret")}, nil
		})
		b, err := mcptools.NewBuilder(providers.Custom(name, "https://"+name+".example/mcp", nil), source, &mcptools.Options{InsecureSkipProbe: true})
		require.NoError(t, err)
		builders = append(builders, b)
	}
	var err error
	c.set, err = mcptools.NewSet(builders...)
	require.NoError(t, err)
	for range c.IntN(8) {
		all := []string{says, asksWrite, callsOwn, callsCustom, asksWrite + "," + callsOwn, says + "," + asksWrite + "," + strings.ReplaceAll(asksWrite, "#", "#b")}
		c.model.replies = append(c.model.replies, all[c.IntN(len(all))])
	}
	c.model.replies = append(c.model.replies, says)
	c.model.fault = c.fault
	c.opts = session.Options{
		Params: responses.ResponseNewParams{Model: "gpt-5"}, Stream: c.one(2), Replay: c.one(2), Raw: c.one(2),
		OnFailure: session.OnFailure(c.IntN(2)), MaxRounds: 1 + c.IntN(5), RequestOptions: []option.RequestOption{c.model.option()},
	}
	if c.one(4) {
		c.seen["background"]++
		c.opts.Stream, c.opts.Replay, c.opts.Build.MinTTL = false, false, time.Hour
		c.opts.Params.Background = openai.Bool(true)
	}
	if c.one(2) {
		c.opts.Approve = func(context.Context, session.ApprovalRequest) (session.Answer, error) {
			answers := []session.Answer{{}, approve, {Decision: session.DecisionDeny}, {Decision: "odd"}}
			return answers[c.IntN(len(answers))], c.maybe()
		}
	}
	if c.one(2) {
		c.opts.Call = func(context.Context, session.FunctionCall) (string, error) { return "ok", c.maybe() }
	}
}

func (c *chaos) maybe() error {
	if c.one(5) {
		return errors.New("the callback failed")
	}
	return nil
}

// fault fails some of the requests.
func (c *chaos) fault(req *http.Request, _ int) (*http.Response, error) {
	body := func(status int, text string) (*http.Response, error) {
		return refusal(req, status, http.Header{}, text), nil
	}
	switch c.IntN(14) {
	case 0:
		return body(http.StatusServiceUnavailable, `{"error":{"message":"busy","type":"server_error","param":null,"code":null}}`)
	case 1:
		return body(http.StatusFailedDependency, `{"error":{"type":"external_connector_error","code":"http_error","param":"tools","message":"Error retrieving tool list from MCP server: 'notes'. Http status code: 503"}}`)
	case 2:
		return body(http.StatusTooManyRequests, `{"error":{"message":"slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}`)
	case 3:
		return body(http.StatusOK, `{"id":"resp_x","status":"failed","output":[]}`)
	case 4:
		<-req.Context().Done()
		return nil, req.Context().Err()
	case 5: // the stream stops, and then the connection breaks
		res := refusal(req, http.StatusOK, http.Header{}, "")
		res.Header.Set("Content-Type", "text/event-stream")
		started := events(`{"type":"response.output_item.added","item":`+asksWrite+`}`, `{"type":"response.output_text.delta","delta":"so far"}`)
		res.Body, res.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(started), silent{req.Context()})), -1
		return res, nil
	}
	return nil, nil
}

// silent is a connection on which nothing arrives.
type silent struct{ ctx context.Context }

func (s silent) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func (c *chaos) session(t *testing.T, st *session.State) *session.Session {
	t.Helper()
	o := c.opts
	if st != nil {
		raw, err := json.Marshal(st)
		require.NoError(t, err)
		o.State = new(session.State)
		require.NoError(t, json.Unmarshal(raw, o.State))
	}
	client := openai.NewClient(option.WithBaseURL("https://openai.example/v1"), option.WithAPIKey("k"))
	s, err := session.New(&client.Responses, c.set, ada, &o)
	require.NoError(t, err, "each state can be resumed")
	return s
}

var errConsumer = errors.New("the consumer's own")

// turn runs a turn whose consumer misbehaves at a random event.
func (c *chaos) turn(t *testing.T, s *session.Session) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+c.IntN(120))*time.Second)
	defer cancel()
	seq := s.Run(ctx, "x")
	if st := s.State(); len(st.Pending)+len(st.Calls) > 0 || st.Running != "" {
		seq = c.resume(ctx, s, st)
	}
	defer func() {
		if v := recover(); v != nil {
			assert.Equal(t, errConsumer, v)
			c.seen["panicked"]++
		}
	}()
	at, how, n := 1+c.IntN(6), c.IntN(6), 0
	for e, err := range seq {
		if n++; err != nil {
			c.seen["failed"]++
			if errors.Is(err, session.ErrTooManyRounds) {
				c.seen["too many rounds"]++
			}
			continue
		}
		_, jsonErr := json.Marshal(e)
		assert.NoError(t, jsonErr)
		assert.NotEmpty(t, e.Type)
		if e.Type == session.EventWaiting {
			c.seen["a call waits"]++
		}
		if e.Type == session.EventWaiting || e.Type == session.EventDone {
			assert.NotNil(t, e.Response)
			c.seen["completed"]++
		}
		if n < at {
			continue
		}
		switch how {
		case 0:
			c.seen["left"]++
			return
		case 1:
			c.seen["canceled"]++
			cancel()
		case 2:
			c.seen["canceled"]++
			cancel()
			return
		case 3:
			panic(errConsumer)
		case 4:
			c.seen["stalled"]++
			<-time.After(time.Hour)
		}
	}
}

// resume goes on with what waits, or gives it up.
func (c *chaos) resume(ctx context.Context, s *session.Session, st session.State) func(func(session.Event, error) bool) {
	if c.one(3) && s.Abandon(ctx, "the user moved on") == nil {
		c.seen["abandoned"]++
		return s.Run(ctx, "x")
	}
	c.seen["continued"]++
	answers := make(map[string]session.Answer)
	var outputs []responses.ResponseInputItemUnionParam
	if st.Running == "" {
		for _, a := range st.Pending {
			if !c.one(3) {
				answers[a.ID] = approve
			}
		}
		for _, f := range st.Calls {
			if !c.one(3) {
				item := output(f.ID, "ok")
				if f.Type == "custom_tool_call" {
					item = responses.ResponseInputItemParamOfCustomToolCallOutput(f.ID, "ok")
				}
				outputs = append(outputs, item)
			}
		}
	}
	return s.Continue(ctx, answers, outputs...)
}

// recover resumes the state once OpenAI, the sources and the callbacks work again.
func (c *chaos) recover(t *testing.T, s *session.Session) {
	t.Helper()
	c.works, c.model.fault = true, nil
	c.opts.MaxRounds, c.opts.Call, c.opts.OnFailure = 0, nil, session.OnFailureSkip
	c.opts.Approve = func(context.Context, session.ApprovalRequest) (session.Answer, error) { return approve, nil }
	st := s.State()
	s = c.session(t, &st)
	for range 30 {
		st := s.State()
		seq := s.Run(t.Context(), "again")
		waits := len(st.Pending)+len(st.Calls) > 0 || st.Running != ""
		if waits {
			seq = c.resume(t.Context(), s, st)
		}
		if r := collect(seq); r.last(t).Type == session.EventDone && !waits {
			return
		}
	}
	assert.Fail(t, "the conversation does not go on")
}

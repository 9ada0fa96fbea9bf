package mcptools

import (
	"slices"

	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
)

// Approval selects the calls that need approval before OpenAI makes them. The
// zero value is [ApprovalAlways]. Set fields to select by the name of the tool.
// OpenAI does not document whether a tool in neither list needs approval; its
// examples imply that it does.
type Approval struct {
	// Always lists tools that need approval. If nil, none.
	Always []string

	// Never lists tools that need no approval. If nil, none.
	Never []string

	// InsecureTrustReadOnly requires no approval for tools that the server itself
	// annotates as read-only. The MCP specification calls annotations hints, which
	// clients must not trust unless they trust the server: the server's operator
	// then decides which calls need approval. It can't be combined with Never,
	// since OpenAI does not document which of the two wins. If false, annotations
	// are ignored.
	InsecureTrustReadOnly bool

	never bool // no call needs approval: ApprovalNever
}

// Approvals for all tools alike.
var (
	ApprovalAlways = Approval{}            // every call needs approval
	ApprovalNever  = Approval{never: true} // no call needs approval: the model can do everything that the token allows
)

// byTool reports whether the approval depends on the tool.
func (a Approval) byTool() bool {
	return len(a.Always) > 0 || len(a.Never) > 0 || a.InsecureTrustReadOnly
}

func (a Approval) check(f *faults, allowed []string) {
	f.names("Approval.Always", a.Always)
	f.names("Approval.Never", a.Never)
	if a.never && a.byTool() {
		f.addf("Approval is ApprovalNever and selects tools too: start from an empty Approval")
	}
	if len(a.Never) > 0 && a.InsecureTrustReadOnly {
		f.addf("Approval has both Never and InsecureTrustReadOnly: OpenAI does not say how they combine")
	}
	for _, n := range a.Always {
		if slices.Contains(a.Never, n) {
			f.addf("Approval names %q in both Always and Never", n)
		}
	}
	if allowed == nil {
		return
	}
	for _, n := range slices.Concat(a.Always, a.Never) {
		if !slices.Contains(allowed, n) {
			f.addf("Approval names %q, which AllowedTools excludes", n)
		}
	}
}

func (a Approval) clone() Approval {
	a.Always, a.Never = slices.Clone(a.Always), slices.Clone(a.Never)
	return a
}

// union returns a new value each time, since entries belong to their callers.
func (a Approval) union() responses.ToolMcpRequireApprovalUnionParam {
	switch {
	case a.never:
		return responses.ToolMcpRequireApprovalUnionParam{OfMcpToolApprovalSetting: param.NewOpt("never")}
	case !a.byTool():
		return responses.ToolMcpRequireApprovalUnionParam{OfMcpToolApprovalSetting: param.NewOpt("always")}
	}
	p := &responses.ToolMcpRequireApprovalMcpToolApprovalFilterParam{}
	p.Always.ToolNames = slices.Clone(a.Always)
	p.Never.ToolNames = slices.Clone(a.Never)
	if a.InsecureTrustReadOnly {
		p.Never.ReadOnly = param.NewOpt(true)
	}
	return responses.ToolMcpRequireApprovalUnionParam{OfMcpToolApprovalFilter: p}
}

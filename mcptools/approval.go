package mcptools

import (
	"slices"

	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
)

// An Approval selects the calls that need approval before OpenAI makes them:
// [ApprovalAlways], [ApprovalNever] or an [ApprovalFilter].
type Approval interface {
	check(f *faults, allowed []string)
	union() responses.ToolMcpRequireApprovalUnionParam // a fresh one each time
	clone() Approval
}

// Approvals without a filter.
const (
	ApprovalAlways approvalSetting = "always" // every call needs approval
	ApprovalNever  approvalSetting = "never"  // no call does: the model may do everything that the token allows
)

type approvalSetting string

func (a approvalSetting) check(f *faults, _ []string) {
	if a != ApprovalAlways && a != ApprovalNever {
		f.addf("Approval is %q: it knows always and never", string(a))
	}
}

func (a approvalSetting) clone() Approval { return a }

func (a approvalSetting) union() responses.ToolMcpRequireApprovalUnionParam {
	return responses.ToolMcpRequireApprovalUnionParam{OfMcpToolApprovalSetting: param.NewOpt(string(a))}
}

// An ApprovalFilter is an [Approval] by tool. OpenAI does not document what
// becomes of a tool that is in neither list; its examples imply that such a
// tool needs approval. At least one field must be set.
type ApprovalFilter struct {
	// Always are the names of tools that need approval. Default: none.
	Always []string

	// Never are the names of tools that need none. Default: none.
	Never []string

	// InsecureTrustReadOnly asks for no approval of tools that the server
	// itself annotates as read-only. The MCP specification calls annotations
	// hints that a client must not trust from a server it does not trust: who
	// runs the server then decides what needs approval. It can't be combined
	// with Never, since OpenAI does not document which of the two would win.
	// Default: false.
	InsecureTrustReadOnly bool
}

func (a ApprovalFilter) check(f *faults, allowed []string) {
	if len(a.Always) == 0 && len(a.Never) == 0 && !a.InsecureTrustReadOnly {
		f.addf("the approval filter is empty: use ApprovalAlways or ApprovalNever, or name a tool")
		return
	}
	f.names("ApprovalFilter.Always", a.Always)
	f.names("ApprovalFilter.Never", a.Never)
	if len(a.Never) > 0 && a.InsecureTrustReadOnly {
		f.addf("the approval filter has both Never and InsecureTrustReadOnly: OpenAI does not say how they combine")
	}
	for _, n := range a.Always {
		if len(missing([]string{n}, a.Never)) == 0 {
			f.addf("the approval filter names %q in both Always and Never", n)
		}
	}
	if allowed == nil {
		return
	}
	for _, n := range append(missing(a.Always, allowed), missing(a.Never, allowed)...) {
		f.addf("the approval filter names %q, which AllowedTools leaves out", n)
	}
}

func (a ApprovalFilter) clone() Approval {
	a.Always, a.Never = slices.Clone(a.Always), slices.Clone(a.Never)
	return a
}

func (a ApprovalFilter) union() responses.ToolMcpRequireApprovalUnionParam {
	p := &responses.ToolMcpRequireApprovalMcpToolApprovalFilterParam{}
	p.Always.ToolNames = slices.Clone(a.Always)
	p.Never.ToolNames = slices.Clone(a.Never)
	if a.InsecureTrustReadOnly {
		p.Never.ReadOnly = param.NewOpt(true)
	}
	return responses.ToolMcpRequireApprovalUnionParam{OfMcpToolApprovalFilter: p}
}

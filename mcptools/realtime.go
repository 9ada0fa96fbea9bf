package mcptools

import (
	"maps"
	"slices"

	"github.com/openai/openai-go/v3/realtime"
)

// Realtime returns the entry as a tool of a Realtime session. It carries the
// same fields, and the rules of that API hold: it has one target, its token is
// in one place, and labels are unique within a [Set]. The result shares
// nothing with e; it shows its secrets when it is printed. It is zero, which no API
// takes, for a platform whose Realtime API is not known to take entries.
//
// A session remembers the servers that were defined in it, so that later
// events may name one by its label alone. Send the whole entry again, from
// [Entry.Renew], before its token expires.
func (e Entry) Realtime() realtime.RealtimeToolsConfigUnionParam {
	in := e.Tool().OfMcp
	if in == nil || !e.state().builder.platform.Realtime {
		return realtime.RealtimeToolsConfigUnionParam{}
	}
	out := &realtime.RealtimeToolsConfigUnionMcpParam{
		ServerLabel:       in.ServerLabel,
		Authorization:     in.Authorization,
		DeferLoading:      in.DeferLoading,
		ServerDescription: in.ServerDescription,
		ServerURL:         in.ServerURL,
		TunnelID:          in.TunnelID,
		ConnectorID:       in.ConnectorID, //nolint:staticcheck // deprecated for new models, and the caller was warned
		AllowedCallers:    slices.Clone(in.AllowedCallers),
		Headers:           maps.Clone(in.Headers),
	}
	out.AllowedTools.OfMcpAllowedTools = slices.Clone(in.AllowedTools.OfMcpAllowedTools)
	if f := in.AllowedTools.OfMcpToolFilter; f != nil {
		out.AllowedTools.OfMcpToolFilter = &realtime.RealtimeToolsConfigUnionMcpAllowedToolsMcpToolFilterParam{
			ReadOnly: f.ReadOnly, ToolNames: slices.Clone(f.ToolNames),
		}
	}
	out.RequireApproval.OfMcpToolApprovalSetting = in.RequireApproval.OfMcpToolApprovalSetting
	if f := in.RequireApproval.OfMcpToolApprovalFilter; f != nil {
		filter := &realtime.RealtimeToolsConfigUnionMcpRequireApprovalMcpToolApprovalFilterParam{}
		filter.Always.ReadOnly, filter.Always.ToolNames = f.Always.ReadOnly, slices.Clone(f.Always.ToolNames)
		filter.Never.ReadOnly, filter.Never.ToolNames = f.Never.ReadOnly, slices.Clone(f.Never.ToolNames)
		out.RequireApproval.OfMcpToolApprovalFilter = filter
	}
	return realtime.RealtimeToolsConfigUnionParam{OfMcp: out}
}

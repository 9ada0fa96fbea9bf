package main

import "github.com/toolgrant/toolgrant/mcptools"

// actionWords are the actions in words, for the plain output.
var actionWords = map[mcptools.Action]string{
	mcptools.ActionRefresh:     "get a fresh token and retry; if that is rejected too, the user must connect again",
	mcptools.ActionConnect:     "the user must connect",
	mcptools.ActionReconnect:   "the user must connect again",
	mcptools.ActionStepUp:      "the user must connect again and grant more permissions",
	mcptools.ActionFixConfig:   "change the configuration",
	mcptools.ActionFixHistory:  "change the items in input",
	mcptools.ActionCheckServer: "check the MCP server, or contact its operator",
	mcptools.ActionWait:        "wait, then retry",
	mcptools.ActionNone:        "nothing",
}

package main

import "github.com/toolgrant/toolgrant/mcptools"

// actionWords say what to do, for people.
var actionWords = map[mcptools.Action]string{
	mcptools.ActionRefresh:     "get a fresh token and try again; if that is refused too, the user must connect again",
	mcptools.ActionConnect:     "the user must connect",
	mcptools.ActionReconnect:   "the user must connect again",
	mcptools.ActionStepUp:      "the user must connect again and grant more",
	mcptools.ActionFixConfig:   "change the configuration",
	mcptools.ActionFixHistory:  "change the items in input",
	mcptools.ActionCheckServer: "look at the MCP server, or tell its operator",
	mcptools.ActionWait:        "wait, then try again",
	mcptools.ActionNone:        "nothing",
}

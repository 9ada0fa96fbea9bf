package providers

// families are the data files; a new one is added here. A new provider is one
// literal in one of them.
var families = [][]Provider{
	asanaFamily, codeFamily, workFamily, zapierFamily,
}

package failtext

import (
	"regexp"
	"strings"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// refusedEntry classifies an entry that a platform refuses because of its values.
// Platforms report this under several types. Other services use some of the words for
// things of their own: those need words about MCP beside them.
func (e apiError) refusedEntry() Finding {
	if !hasAny(lowerASCII(e.message), "server_", "_id", "allowed_", "require_approval", "sensitive", "header", "address", "public", "private", "internal", "loopback", "localhost", "tools", "unknown field") {
		return Finding{}
	}
	f := Finding{score: scoreFailed, Kind: KindInvalidTool, Stage: StageRequest, Label: refusedLabelIn(e.message)}
	inTools, index := toolsParam(e.param)
	path := entryPath.FindStringSubmatch(e.message)
	if index == nil && path != nil {
		index = whole(path[1])
	} else if index == nil && !e.log {
		if m := toolsPath.FindStringSubmatch(e.message); m != nil {
			index = whole(m[1])
		}
	}
	f.Index = index
	if path != nil || refusedEntry.MatchString(e.message) {
		return f
	}
	if m := refusedValue.FindStringIndex(e.message); m != nil && !e.log && !statusOfServer.MatchString(e.message) {
		about := aboutEntry.MatchString(e.message[max(0, m[0]-maxBefore):min(len(e.message), m[1]+maxBefore)])
		if inTools || e.ofServer() || about {
			return f
		}
	}
	return Finding{}
}

// ofServer reports whether the type or the code says that the error is about an MCP
// server.
func (e apiError) ofServer() bool {
	_, byKind := serverErrors[e.kind]
	_, byCode := serverErrors[e.code]
	return byKind || byCode
}

var (
	// refusedEntry finds words that only a refused entry has: those of Foundry, LM Studio
	// and of JSON decoders that do not know a field.
	refusedEntry = regexp.MustCompile(`(?i)\bheaders that can include sensitive information are not allowed\b|\brequires a non-empty '?server_url\b` +
		`|\bresolves to a (?:non-public|private|local|internal|loopback) address\b|\bonly allow public addresses\b` +
		"|\\bunknown field [`'\"](?:server_label|server_url|connector_id|tunnel_id|server_description|allowed_tools|allowed_callers|require_approval|defer_loading|authorization|headers)[`'\"]" +
		"|\\bunknown field [`'\"]\\w+[`'\"], expected (?:one of )?[^.]{0,300}[`'\"]server_label[`'\"]")

	// refusedValue finds the words for an address that is not public, a header with a
	// secret, and a field that is empty, wrong or unknown.
	refusedValue = regexp.MustCompile(`(?i)\b(?:resolv|point)\w* to (?:an? )?` + innerAddress + `|\b` + innerAddress + `.{0,40}\bnot (?:be )?(?:allowed|permitted|supported|accepted|used)\b|\b` + innerAddress + `.{0,20}\b(?:blocked|forbidden|disallowed|prohibited|rejected)\b` +
		`|\b(?:must not|may not|should not|cannot|can't) (?:be|use|contain|target|reference)(?: an?)? ` + innerAddress +
		`|\bonly (?:allow |accept )?public\b|\bmust (?:be|use|have|point to|resolve to)(?: an?)? public(?:ly)?\b|\b(?:server_url|url|uri|address|host(?:name)?|server)\b.{0,40}\bis not (?:an? )?public(?:ly)?\b` +
		`|\bsensitive\b.{0,80}\bnot (?:be )?(?:allowed|permitted|supported)\b|\b(?:header|authorization)\b.{0,40}\bnot (?:be )?(?:allowed|permitted|supported)\b.{0,60}\bMCP\b|\buse project_connection_id\b` +
		"|\\b" + targetField + "['\"`]? (?:must|should|has to|needs to|cannot|can't|may not)\\b|\\b" + targetField + "['\"`]?(?: \\w+){0,2} (?:empty|required|missing|blank|malformed)\\b" +
		"|\\b(?:empty|missing|blank|invalid)(?: an?)? ['\"`]?" + targetField + `\b` +
		"|\\b(?:unrecogni[sz]ed|unknown|unexpected) (?:key|name|property|field)(?:\\(s\\)|s)?(?: in object)?:? ['\"`]" + entryFieldName + "['\"`]|\\badditional propert(?:y|ies) (?:is|are) not allowed \\(['\"]" + entryFieldName + "['\"]|\\bextra inputs are not permitted: tools\\.\\d+\\.(?:mcp\\.\\w|" + entryFieldName + `\b)`)

	aboutEntry = regexp.MustCompile(`(?i)\bMCP\b|\bserver_label\b|\bproject_connection_id\b|\btools[.\[]\d`)

	toolsPath = regexp.MustCompile(`(?i)\btools[.\[](\d+)`)

	// entryPath finds the path of a field at the head of Pydantic's words for what is
	// wrong with it.
	entryPath = regexp.MustCompile(`(?i)\btools[.\[](\d+)\]?\.(?:mcp\.(?:server_label|server_url|connector_id|tunnel_id|server_description|allowed_tools|allowed_callers|require_approval|defer_loading|authorization|headers)|` + entryFieldName + `)\b[\w.]{0,80}:? ` +
		`(?:extra (?:inputs|fields) (?:are )?not permitted|field required|(?:input|string|list|url|value|object) should\b|value error\b|value is not\b|none is not\b|ensure this\b)`)
)

// innerAddress are the words for an address that OpenAI cannot reach.
const innerAddress = `(?:(?:non-?public|private|internal|local|loopback|link-local|reserved) (?:IP |network )*(?:address|range|host|network|URL|IP)\w*|localhost|loopback)`

// targetField is a field that says where the server is, and entryFieldName one that
// other tools and APIs don't have.
const (
	targetField    = `(?:server_url|server_label|connector_id|tunnel_id)`
	entryFieldName = `(?:server_label|server_url|connector_id|tunnel_id|server_description|allowed_tools|allowed_callers|require_approval)`
)

// validation classifies one of FastAPI's reports of a wrong request: the path of the
// field is a list.
func validation(o *loosejson.Object) Finding {
	path, ok := o.Get("loc").(loosejson.Array)
	if !ok || !o.Has("msg") && !o.Has("message") {
		return Finding{}
	}
	var index *int
	for i, v := range path.Items {
		if n, ok := v.(loosejson.Number); ok && i > 0 && path.Items[i-1] == "tools" {
			if n, ok := n.Int(); ok {
				index = &n
			}
		}
		name, _ := v.(string)
		if index != nil && (strings.EqualFold(name, "mcp") || fieldOfEntry.MatchString(name)) {
			return Finding{score: scoreFailed, Kind: KindInvalidTool, Stage: StageRequest, Index: index}
		}
	}
	return Finding{}
}

var fieldOfEntry = regexp.MustCompile(`^` + entryFieldName + `$`)

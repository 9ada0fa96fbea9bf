package failtext

import "regexp"

// historyCodes are codes of errors about the history that the request refers to.
var historyCodes = map[string]bool{
	"previous_response_not_found": true, "conversation_not_found": true, "invalid_encrypted_content": true, "item_not_found": true,
}

// refusesHistory reports whether the error is about what the request builds on.
func (e apiError) refusesHistory() bool {
	trusted := e.home || ownRefusals[e.kind]
	switch {
	case historyField.MatchString(e.param):
		return true
	case previousParam.MatchString(e.param), trusted && conversationParam.MatchString(e.param):
		return historyFault.MatchString(e.message) || gone.MatchString(e.message)
	case e.param == "", inputParam.MatchString(e.param), conversationParam.MatchString(e.param):
		return historyFault.MatchString(e.message) || trusted && historyGone.MatchString(e.message)
	}
	return false
}

var (
	previousParam     = regexp.MustCompile(`^previous_response_id\b`)
	conversationParam = regexp.MustCompile(`^conversation\b`)
	inputParam        = regexp.MustCompile(`^(?:input|item|previous_item_id)\b`)
	historyField      = regexp.MustCompile(`^(?:input\[\d+\]|item)\.(?:approval_request_id|approve|server_label|call_id)\b`)

	// historyFault finds the sentences about OpenAI's items, responses and conversations,
	// which its ids or its words make unmistakable.
	historyFault = regexp.MustCompile("(?i)\\bduplicate item (?:found )?with id\\b|\\bprevious response(?: with id)? ['\"`]?[\\w.-]+['\"`]?" + notFound +
		"|\\bconversation(?: with id)? ['\"`]?conv_[\\w-]+['\"`]?" + notFound + "|\\bno conversation (?:was )?found (?:with|for) (?:the )?id ['\"`]?conv_|\\bcould not find conversation ['\"`]?conv_" +
		`|\bencrypted content (?:for (?:the )?item )?\S+ (?:could not|cannot) be (?:verified|decrypted|parsed)\b` +
		`|\bno (?:tool|function) (?:call|output) found for (?:\w+ ){0,2}(?:call|function)|\bprovided without its required\b|\bitem with id '?[a-z]{1,8}_[\w-]+'?` + notFound +
		`|\bmcp_approval_re(?:quest|sponse)\b|\bapproval re(?:quest|sponse)\b.{0,80}\b(?:not found|already|duplicate|unknown|no matching|does not exist|invalid)\b|\b(?:no|unknown|invalid|duplicate) (?:matching |MCP )?approval re(?:quest|sponse)\b|\bduplicate\b.{0,20}\bmcpr_\w`)

	// historyGone finds sentences that other services have too.
	historyGone = regexp.MustCompile("(?i)\\bconversation(?: with id)? ['\"`]?[\\w-]+['\"`]?" + notFound + `|\bconversation not found\b|\bno conversation (?:was )?found\b|\bencrypted content\b.{0,80}\b(?:could not be|cannot be|failed to be) (?:verified|decrypted|parsed)\b`)

	// gone finds the words for a thing that cannot be built on, in an error whose param
	// names the thing.
	gone = regexp.MustCompile(`(?i)` + notFound + `|\bno (?:such )?(?:previous )?(?:conversation|response)\b|\bcould not find\b|\bunknown (?:conversation|response)\b|\b(?:has|have) (?:been deleted|expired)\b|\bcannot be used\b`)

	// historyOpening marks such a sentence in a log line.
	historyOpening = regexp.MustCompile("(?i)\\bduplicate item found with id\\b|\\bno (?:tool|function) (?:call|output) found for\\b|\\bprovided without its required\\b|\\bprevious response(?: with id)? ['\"`]|\\bencrypted content\\b" +
		"|\\bconversation(?: with id)? ['\"`]?(?:conv_|[\\w-]+['\"`])|\\bno conversation (?:was )?found\\b|\\bcould not find conversation\\b|\\bprevious response resp_|\\bitem with id '")
)

// notFound are the ways to say it of a thing named before.
const notFound = ` (?:(?:was |is |could )?not (?:be )?found|does not exist|doesn't exist)\b`

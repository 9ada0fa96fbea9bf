package mcpprobe

import "regexp"

// Words with which servers say why they reject a token (RFC 6750 section 3.1
// leaves the error_description to them).
var (
	saysRevoked  = regexp.MustCompile(`(?i)revoked|\bdeactivated\b|\bwithdrawn\b|\bno longer (?:active|valid|authorized)\b`)
	saysExpired  = regexp.MustCompile(`(?i)expired`)
	saysKey      = regexp.MustCompile(`(?i)\b(?:invalid|incorrect|unknown|wrong|bad|malformed|unrecogni[sz]ed)[ _-](?:(?:api|access|secret|personal)[ _-]?)?keys?\b|\b(?:api|access|secret)[ _-]?keys?\b[^.;]{0,40}\b(?:invalid|incorrect|wrong|unknown|not (?:valid|found|recogni[sz]ed|correct))\b`)
	saysAudience = regexp.MustCompile(`(?i)\baudience\b|\baud\b|\bresource indicator\b|\b(?:issued|intended|meant|valid) (?:only )?for (?:another|a different|other)\b|\bnot (?:issued|intended|meant|valid) (?:for|by)\b|\b(?:wrong|different|another) resource\b`)
	// several reasons in one sentence, such as "invalid or expired token" and the
	// text of RFC 6750 section 3.1, name none.
	saysSeveral = regexp.MustCompile(`(?i)\b(?:invalid|malformed|unknown|missing|incorrect|bad|revoked|expired)(?: \w+)?,? or (?:\w+ )?(?:invalid|malformed|unknown|missing|incorrect|bad|revoked|expired)\b|\bnot (?:been |yet )?(?:expired|revoked)\b`)
	// saysUnauthorized matches a JSON-RPC error for a missing or invalid
	// credential.
	saysUnauthorized = regexp.MustCompile(`(?i)^\W*(?:http )?401\b|\bunauthori[sz]ed\b|\bunauthenticated\b|\bnot authenticated\b|\bauthentication (?:is )?(?:required|failed)\b|\b(?:invalid|missing|expired|revoked)(?: or (?:invalid|missing|expired|revoked))? (?:access |bearer |auth(?:orization|entication)? )?(?:tokens?|credentials?)\b|\binvalid_token\b`)
)

// reasonIn returns the reason that a server names for rejecting a token: one of
// the reasons that a text can name, or ReasonInvalid.
func reasonIn(text string) string {
	if saysSeveral.MatchString(text) {
		return ReasonInvalid
	}
	found := ReasonInvalid
	for _, r := range []struct {
		reason string
		words  *regexp.Regexp
	}{
		{ReasonRevoked, saysRevoked}, {ReasonExpired, saysExpired}, {ReasonKey, saysKey}, {ReasonAudience, saysAudience},
	} {
		if !r.words.MatchString(text) {
			continue
		}
		if found != ReasonInvalid {
			return ReasonInvalid
		}
		found = r.reason
	}
	return found
}

package providers

//go:generate go test -run TestThePageOfProvidersIsFresh . -update

// families are the data files. Add a new file here; a new provider is a literal
// in one of them.
var families = [][]Provider{
	analyticsFamily, asanaFamily, brokerFamily, cloudflareFamily, codeFamily,
	connectorFamily, contentFamily, customerFamily, databaseFamily,
	googleFamily, microsoftFamily, moneyFamily, notesFamily, opsFamily, salesFamily, searchFamily, talkFamily, workFamily,
	zapierFamily,
}

// Sentences of several records.
const (
	hourHazard = "An access token expires after an hour, which a long run exceeds: refresh before every request."
	sseHazard  = "It speaks HTTP with SSE only, the transport before Streamable HTTP."
)

// consent is the way of a server at which any application can register itself.
func consent(id string) Way {
	return Way{
		ID: "oauth", Kind: WayOAuth, Name: "OAuth",
		Obtain:       "The user consents in a browser: run toolgrant connect " + id + ".",
		Registration: RegistrationOpen,
	}
}

// noCredential is the way of a server that is open to anyone. The sentence says
// what it is like without a credential.
func noCredential(sentence string) Way {
	return Way{ID: "none", Kind: WayNone, Name: "no credential", Obtain: sentence}
}

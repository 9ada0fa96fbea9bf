package providers

//go:generate go test -run TestThePageOfProvidersIsFresh . -update

// families are the data files; a new one is added here. A new provider is one
// literal in one of them.
var families = [][]Provider{
	analyticsFamily, asanaFamily, brokerFamily, cloudflareFamily, codeFamily,
	connectorFamily, contentFamily, customerFamily, databaseFamily,
	googleCloudFamily, googleDriveFamily, googleFamily,
	microsoftFamily, moneyFamily, opsFamily, searchFamily, talkFamily, workFamily,
	zapierFamily,
}

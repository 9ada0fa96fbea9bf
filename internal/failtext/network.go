package failtext

import "regexp"

// The words of clients for connections that failed, apart from time-outs: Go's net/http,
// .NET's HttpClient, Node and undici, Chromium, Python's httpx, requests and aiohttp, Java,
// Rust's reqwest and rustls, curl.
var (
	unknownHost = regexp.MustCompile(`(?i)\bENOTFOUND\b|\bEAI_[A-Z]+\b|\bERR_NAME_\w+|\bno such host\b|\bname or service not known\b|\bname ?resolution\w*|\bname does not resolve\b` +
		`|\bnodename nor servname\b|\bno address associated with\b|\bno data of the requested type\b|\bgetaddrinfo\b|\bDNS\b|\bunknown ?host(?:exception)?\b|\bserver misbehaving\b` +
		`|\b(?:unable to|failed to|could not|couldn't|cannot|can't) resolve (?:the )?(?:(?:remote |server |target )?(?:host|hostname|name|domain|address|dns)\b|['"][^'"]{1,253}['"]|[\w-]{1,63}\.[\w-])` +
		`|\b(?:host|hostname|name|domain|address)\b.{0,80}\b(?:could not|couldn't|cannot|can't) be resolved\b`)

	refusedConnection = regexp.MustCompile(`(?i)\bconnection (?:was )?refused\b|\brefused (?:the )?connection\b|\bactively refused\b|\bECONNREFUSED\b|\bERR_CONNECTION_REFUSED\b|\ball connection attempts failed\b|\bconnect call failed\b` +
		`|\bhost is (?:unreachable|down)\b|\bno ?route ?to ?host\w*|\bnetwork is unreachable\b|\bE(?:HOST|NET)(?:UNREACH|DOWN)\b|\bERR_ADDRESS_UNREACHABLE\b|\b(?:could not|couldn't) connect to server\b`)

	failedTLS = regexp.MustCompile(`(?i)\b(?:TLS|SSL)\b(?: \w+){0,4} (?:fail\w*|error|alert|could not|cannot|handshake)|\bSSL connection could not\b|\btls:|\bSSL routines\b|\[SSL: ?\w|\b_ssl\.c\b|\bSSL\w*Exception\b` +
		`|\bwrong version number\b|\bEPROTO\b|\bfatal alert\b|\bhandshake[ _]?failure\b|\bsecure TLS connection\b|\bHTTP response to HTTPS client\b|\bERR_(?:TLS|SSL|CERT)\w*` +
		`|\bx509:|\bCERTIFICATE_VERIFY_FAILED\b|(?-i:\b(?:CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET)_\w+)|\bHOSTNAME_MISMATCH\b|\bhostname\b.{0,80}\b(?:does not|doesn't) match\b|\bPKIX path\b|\bcertification path\b` +
		`|\bcertificates?\b.{0,60}\b(?:invalid|expired|untrusted|not (?:yet )?valid|not trusted|not match\w*|self[- ]signed|rejected|revoked|unknown (?:authority|issuer|ca)|verify failed|verification (?:failed|error)|mismatch|problem)\b` +
		`|\b(?:invalid|expired|untrusted|self[- ]signed|revoked|rejected|bad|unable to (?:verify|get)|(?:failed to|could not|cannot) verify|not match)\b.{0,40}\bcertificate\b`)

	// tlsAsAuthentication are the words with which .NET calls a failure of TLS one of
	// authentication.
	tlsAsAuthentication = regexp.MustCompile(`(?i)\bauthentication failed because the remote party\b|\bauthentication failed, see inner exception\b`)

	timeOut = regexp.MustCompile(`(?i)\btimed[ -]out\b|\btime-?out\b|\bdeadline[ _]exceeded\b|\bE(?:SOCKET)?TIMEDOUT\b|\bdid not properly respond after a period of time\b` +
		`|(?-i:\b\w*Timeout(?:Error|Exception)?\b|\b[A-Z_]+_TIME(?:D_)?OUT\b)`)
)

package filestore

var (
	Decode   = decode
	Encode   = encode
	FileName = fileName
)

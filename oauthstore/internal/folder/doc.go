// Package folder makes the folders that backends keep files in.
//
//	err := folder.Make("/var/lib/app/credentials")
package folder

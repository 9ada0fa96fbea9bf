// Package connect obtains credentials.
package connect

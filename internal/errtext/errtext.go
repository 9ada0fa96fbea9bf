package errtext

import (
	"errors"
	"fmt"
	"strings"
)

// A named is an error that begins with the name of its package.
type named struct {
	error
	sentence string // its text without the name
}

// New is [errors.New] for a text "package: sentence".
func New(text string) error { return name(errors.New(text)) }

// Errorf is [fmt.Errorf] for a format "package: sentence".
func Errorf(format string, args ...any) error { return name(fmt.Errorf(format, args...)) }

func name(err error) error {
	_, sentence, _ := strings.Cut(err.Error(), ": ")
	return &named{err, sentence}
}

// Sentence returns the text of Error without the name of the package.
func (e *named) Sentence() string { return e.sentence }

// Unwrap returns the error as [errors.New] or [fmt.Errorf] returned it.
func (e *named) Unwrap() error { return e.error }

// Sentence returns the text of err without the name of its package: that of its
// method Sentence, if it has one. Joined errors are separated by "; ".
func Sentence(err error) string {
	switch e := err.(type) { //nolint:errorlint // of err itself, not of its cause
	case interface{ Sentence() string }:
		return e.Sentence()
	case interface{ Unwrap() []error }:
		joined := e.Unwrap()
		texts := make([]string, len(joined))
		for i, one := range joined {
			texts[i] = one.Error()
		}
		if strings.Join(texts, "\n") == err.Error() { // errors.Join, and not fmt.Errorf with two errors
			for i, one := range joined {
				texts[i] = Sentence(one)
			}
			return strings.Join(texts, "; ")
		}
	}
	return err.Error()
}

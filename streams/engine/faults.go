package engine

import (
	"errors"
	"fmt"
)

// step names a point of a shard's life at which tests let it crash.
type step string

const (
	stepFenced    step = "fenced"
	stepOwned     step = "owned"
	stepRestored  step = "restored"
	stepBegun     step = "begun"
	stepDecided   step = "decided"
	stepWritten   step = "written"
	stepFlushed   step = "flushed"
	stepCommitted step = "committed"
	stepStored    step = "stored"
)

// stopError stops a shard loudly: a promise of our own is broken, and trying again at once would break it again.
type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }
func (e *stopError) Unwrap() error { return e.err }

// stop makes err one that stops the shard.
func stop(err error) error {
	if isStop(err) {
		return err
	}
	return &stopError{err}
}

func stopf(format string, args ...any) error { return &stopError{fmt.Errorf(format, args...)} }

func isStop(err error) bool {
	var s *stopError
	return errors.As(err, &s)
}

// errEnded ends a goka session whose outcome is kept elsewhere.
var errEnded = errors.New("the shard's session ended")

// errNotOurs says that another owner wrote to the changelog after us.
var errNotOurs = errors.New("another instance has taken the shard over")

package engine

import (
	"errors"
	"fmt"
)

// Step names a point of a shard's life at which drills let it crash.
type Step string

// The steps, in their order: those before begun are the start of a life, the others a transaction.
const (
	// StepFenced: the former owner is shut out.
	StepFenced Step = "fenced"
	// StepOwned: !owner is committed.
	StepOwned Step = "owned"
	// StepRestored: the store holds all of the changelog.
	StepRestored Step = "restored"
	// StepAttempted: !attempt is committed, for a shard that parks and has its first record at hand.
	StepAttempted Step = "attempted"
	// StepTrying: !trying is committed, for a shard that goes carefully.
	StepTrying Step = "trying"
	// StepBegun: a transaction is open, nothing is in it.
	StepBegun Step = "begun"
	// StepDecided: every record of the transaction is decided, its outputs are on their way.
	StepDecided Step = "decided"
	// StepWritten: the changelog records and !meta are on their way, too.
	StepWritten Step = "written"
	// StepFlushed: the broker has acknowledged everything.
	StepFlushed Step = "flushed"
	// StepCommitted: the broker has committed, the store knows nothing of it.
	StepCommitted Step = "committed"
	// StepStored: the store has it, too.
	StepStored Step = "stored"
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

// failure names a decision that failed: for a key, of the inbox record Item, when the inbox was at At. The two are one but where a parked record is released.
type failure struct {
	At, Item int64
	Key      string
}

// undecidableError ends a life as any doubt does. The shard's next life parks what it is about, so that nothing half decided is ever committed.
type undecidableError struct {
	failure
	reason string
	err    error
}

func (e *undecidableError) Error() string { return e.err.Error() }
func (e *undecidableError) Unwrap() error { return e.err }

// errEnded ends a goka session whose outcome is kept elsewhere.
var errEnded = errors.New("the shard's session ended")

// errOutOfRange says that records were deleted that are still to be read.
var errOutOfRange = errors.New("the log does not hold the offset that comes next")

// errNotOurs says that another owner wrote to the changelog after us.
var errNotOurs = errors.New("another instance has taken the shard over")

// errUnknownOutcome says that a transaction was to be committed, and that the broker may or may not have done it. The next life finds out.
var errUnknownOutcome = errors.New("what became of the transaction is unknown")

package postgres

import (
	"errors"
	"testing"
)

func TestATransactionIsHalfAsLargeAfterAFailureAndTwiceAfterSeveralThatWereBooked(t *testing.T) {
	var p pace
	away := errors.New("away")
	is := func(want int) {
		t.Helper()
		if got := p.recordsMax(); got != want {
			t.Fatalf("at most %d journals, want %d", got, want)
		}
	}
	is(batchRecordsMax)
	p.tried(away)
	p.tried(ErrFenced)
	p.tried(&TripwireError{})
	is(batchRecordsMax / 2)
	for range bookedBeforeMore - 1 {
		p.tried(nil)
	}
	is(batchRecordsMax / 2)
	p.tried(nil)
	is(batchRecordsMax)
	for range 2 * bookedBeforeMore {
		p.tried(nil)
	}
	is(batchRecordsMax)
	for range 100 {
		p.tried(away)
	}
	is(1)
	for range 13 * bookedBeforeMore {
		p.tried(nil)
	}
	is(batchRecordsMax)
}

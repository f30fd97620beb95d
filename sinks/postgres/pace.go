package postgres

import "errors"

const (
	// batchRecordsMax bounds the journals, or events of trades, of one transaction.
	batchRecordsMax = 5000
	// bookedBeforeMore is how many transactions must have been booked in a row before larger ones are tried again.
	bookedBeforeMore = 10
)

// pace is how much a lane asks of the database at a time. A transaction that takes longer than it may is ended, and would be again each time it is tried: a database
// that is slow, but not away, would never be given anything that it can do. So after a failure, whatever it was, the next transaction is half as large; after several
// that were booked it is twice as large again.
type pace struct {
	// halved is how often the bound was halved and not doubled since.
	halved int
	booked int
}

// recordsMax bounds the journals, or events of trades, of the next transaction.
func (p *pace) recordsMax() int { return max(1, batchRecordsMax>>p.halved) }

// tried takes in what became of a transaction. A partition that is another's, or that a tripwire stops, says nothing of the database.
func (p *pace) tried(err error) {
	var tripwire *TripwireError
	switch {
	case err == nil:
		if p.booked++; p.booked >= bookedBeforeMore {
			p.booked, p.halved = 0, max(0, p.halved-1)
		}
	case errors.Is(err, ErrFenced) || errors.As(err, &tripwire):
	default:
		p.booked = 0
		if p.recordsMax() > 1 {
			p.halved++
		}
	}
}

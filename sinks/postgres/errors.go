package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrFenced says that somebody else has claimed the partition since we did, or that it is no longer where we left it. Nothing was
// booked. Who is still meant to book it claims it again.
var ErrFenced = errors.New("the partition was claimed by another process")

// Reason is a frozen word for what a tripwire noticed.
type Reason string

// The reasons.
const (
	ReasonWrongShard        Reason = "wrong-shard"         // the journal names another shard than its partition
	ReasonSequence          Reason = "sequence"            // not the number after the last one: a gap or a doubled record
	ReasonPrevious          Reason = "previous-hash"       // does not follow on the stored chain head
	ReasonHash              Reason = "hash"                // the hash is not that of the content
	ReasonRecordedBackwards Reason = "recorded-backwards"  // recorded before its predecessor, or before what was called complete
	ReasonEmpty             Reason = "no-postings"         // a journal without postings
	ReasonLeg               Reason = "leg"                 // legs are not numbered from 1 without gaps
	ReasonQuantity          Reason = "quantity"            // not positive, or finer than the asset's scale
	ReasonScale             Reason = "scale"               // the asset has another scale
	ReasonSameAccount       Reason = "same-account"        // from and to are one account
	ReasonPot               Reason = "pot"                 // an account of a pot in a journal without one
	ReasonBalance           Reason = "balance"             // a running balance is missing, superfluous or negative at the journal's end
	ReasonProgress          Reason = "progress"            // progress runs backwards or ahead of the journals
	ReasonUndecodable       Reason = "undecodable"         // the record is not what its topic carries
	ReasonRefused           Reason = "refused-by-database" // a constraint of the database does not hold
)

// TripwireError says that what should be booked can't be right. The partition stops until a person has found out why; nothing of its
// batch was booked.
type TripwireError struct {
	Reason Reason
	// Topic and Partition name what stopped; Sequence is the journal's number, as far as there is one.
	Topic     string
	Partition int32
	Sequence  int64
	Detail    string
}

func (e *TripwireError) Error() string {
	place := fmt.Sprintf("%s/%d", e.Topic, e.Partition)
	if e.Sequence > 0 {
		place += fmt.Sprintf(" journal %d", e.Sequence)
	}
	return fmt.Sprintf("tripwire %s at %s: %s", e.Reason, place, e.Detail)
}

// lockNotAvailable says whether the database gave up to wait for a lock.
func lockNotAvailable(err error) bool { return hasCode(err, "55P03") }

// canceled says whether the database ended a statement, because it took longer than statement_timeout or because somebody asked for it.
func canceled(err error) bool { return hasCode(err, "57014") }

func hasCode(err error, code string) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && answer.Code == code
}

// refusal turns an error of the database that would be the same at every attempt into a tripwire, and leaves all others.
func refusal(err error, topic string, partition int32) error {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return err
	}
	const dataException, integrityViolation = "22", "23"
	if !strings.HasPrefix(answer.Code, dataException) && !strings.HasPrefix(answer.Code, integrityViolation) {
		return err
	}
	return &TripwireError{Reason: ReasonRefused, Topic: topic, Partition: partition, Detail: answer.Message + " " + answer.Detail}
}

package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
	"github.com/penstock-ledger/penstock/streams"
)

// aheadMaxSQL is by how much a recorded time may be ahead of the database's clock: more than zones that were mixed up, so that what is beyond it is made up.
const aheadMaxSQL = "interval '1 day'"

// aheadSQL says whether progress is ahead of the clock. Where journals are from beyond it, too, time is simulated and the clock proves nothing:
// that position and journals agree is a check of its own, and hashes vouch for the journals.
const aheadSQL = "recorded_before > now() + " + aheadMaxSQL +
	" and not exists (select from ledger.position p where p.topic = $2 and p.recorded_at > now() + " + aheadMaxSQL + ")"

// toldComplete is what is called complete of a shard. Progress has no hash, because the sink moves it in place: journals, the clock and anchors vouch for it.
type toldComplete struct {
	// missing says that there is no row, and ahead that its time is yet to come, or none that is ever written.
	missing, ahead bool
	text           string // its time
	// promises are what was said, here and in anchors: no journal after that one is recorded before that time. They are in the order of their journals.
	promises []promise
	// next is the first of them that speaks of later journals only; held is the one before it that binds most.
	next int
	held promise
}

type promise struct {
	sequence int64
	before   schemas.Instant
}

// before returns what was said of a journal, which comes after all that it was called with before: after which one it is not recorded before which time.
func (t *toldComplete) before(sequence int64) (after int64, before schemas.Instant) {
	for ; t.next < len(t.promises) && t.promises[t.next].sequence < sequence; t.next++ {
		if t.promises[t.next].before > t.held.before {
			t.held = t.promises[t.next]
		}
	}
	return t.held.sequence, t.held.before
}

// sign takes what an anchor said of the shard.
func (t *toldComplete) sign(a *anchor.Anchor, shard int32) {
	if !a.CompleteThrough.IsZero() {
		t.promises = append(t.promises, promise{a.Heads[shard].Sequence, schemas.InstantOf(a.CompleteThrough)})
	}
}

// loadEnd reads how far the shard is booked, and how far it is called complete.
func (c *shardChecks) loadEnd(ctx context.Context, snapshot *shardSnapshot) error {
	query := "select sequence, head, " + fmt.Sprintf(instantSQL, "recorded_at") + " from ledger.position where topic = $1 and partition = $2"
	var head []byte
	err := snapshot.tx.QueryRow(ctx, query, streams.LedgerJournal, c.shard).Scan(&c.end.Sequence, &head, &c.end.RecordedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		c.unplaced = true
	} else if err != nil {
		return fmt.Errorf("reading the position of shard %d: %w", c.shard, err)
	}
	copy(c.end.Head[:], head)
	query = "select sequence, " + fmt.Sprintf(instantSQL+", "+unwrittenSQL, "recorded_before") + " or " + aheadSQL +
		", recorded_before::text from ledger.progress where shard = $1"
	err = snapshot.tx.QueryRow(ctx, query, c.shard, streams.LedgerJournal).Scan(&c.end.CompleteSequence, &c.end.RecordedBefore, &c.told.ahead, &c.told.text)
	if errors.Is(err, pgx.ErrNoRows) {
		c.told.missing = true
	} else if err != nil {
		return fmt.Errorf("reading the progress of shard %d: %w", c.shard, err)
	}
	c.told.promises = append(c.told.promises, promise{c.end.CompleteSequence, c.end.RecordedBefore})
	slices.SortStableFunc(c.told.promises, func(a, b promise) int { return cmp.Compare(a.sequence, b.sequence) })
	return nil
}

// judgeProgress checks what is called complete against the position, the clock and the anchors.
func (c *shardChecks) judgeProgress() {
	c.progress.Checked++
	place := fmt.Sprintf("shard %d", c.shard)
	latest := slices.MaxFunc(c.told.promises, func(a, b promise) int { return cmp.Compare(a.before, b.before) })
	switch {
	case c.told.missing:
		c.progress.fail(place, "nothing says how far it is complete")
	case c.told.ahead:
		c.progress.fail(place, "it is called complete up to %s, which is yet to come by the database's clock", c.told.text)
	case c.end.CompleteSequence < 0 || c.end.CompleteSequence > c.end.Sequence:
		c.progress.fail(place, "it is called complete after journal %d, the last one is %d", c.end.CompleteSequence, c.end.Sequence)
	case c.end.RecordedBefore < latest.before:
		c.progress.fail(place, "it is called complete up to %s, signed was %s", c.end.RecordedBefore, latest.before)
	}
}

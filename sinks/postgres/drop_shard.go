package postgres

import (
	"context"
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
)

// shard reads the months of one shard, compares them with the archive, and keeps what they come to.
func (d *dropping) shard(ctx context.Context, shard int32) error {
	run := &d.Runs[shard]
	before, err := loadOpened(ctx, d.tx, shard)
	if err != nil {
		return err
	}
	if d.execute { // this act, which has nothing yet
		before = before[:len(before)-1]
	}
	previous := lastOpened(before)
	if run.Before != previous.sequence || run.Previous != previous.head {
		return fmt.Errorf("shard %d begins after journal %d with the hash %x, the archive after %d with %x: only the oldest months can be dropped",
			shard, previous.sequence, previous.head, run.Before, run.Previous)
	}
	c := &carryOver{
		last: d.Last, boundary: schemas.DateOf((d.Last + 1).Begin().Time().AddDate(0, 0, -1).Date()),
		opened: openedShard{
			Dropped: d.plan.Dropped, shard: shard, sequence: previous.sequence, head: previous.head, recordedAt: previous.recordedAt,
		},
		accounts: map[carriedKey]*carried{}, before: map[carriedKey]schemas.Quantity{}, reserved: map[schemas.ID]schemas.Quantity{},
		payments: map[schemas.ID]struct{}{}, deliveries: map[schemas.ID]struct{}{}, trades: map[schemas.ID]struct{}{},
	}
	for i := range before {
		c.goOn(&before[i])
	}
	if err := d.read(ctx, c, run); err != nil {
		return err
	}
	if err := c.finish(); err != nil {
		return err
	}
	d.plan.Journals += run.Through - run.Before
	d.plan.Postings += c.postings
	d.plan.Balances += int64(len(c.opened.balances))
	for i := range c.opened.balances {
		if c.opened.balances[i].effectiveOn > c.boundary {
			d.plan.Later++
		}
	}
	d.plan.Orders += c.begun
	d.plan.Payments += int64(len(c.payments))
	d.plan.Deliveries += int64(len(c.deliveries))
	d.plan.Trades = max(d.plan.Trades, int64(len(c.opened.trades)))
	if !d.execute {
		return nil
	}
	c.opened.digest = c.opened.sum(previous.digest)
	return d.write(ctx, &c.opened)
}

// lastOpened is what the last act left of a shard.
func lastOpened(opened []openedShard) openedShard {
	if len(opened) == 0 {
		return openedShard{}
	}
	return opened[len(opened)-1]
}

// read holds each journal of the months against its hash and the one before it. When the last one has the hash that the archive's last one has, the archive
// has the same journals, for the hash covers all of each.
func (d *dropping) read(ctx context.Context, c *carryOver, run *Run) error {
	snapshot := &shardSnapshot{tx: d.tx, shard: c.opened.shard, codes: d.codes}
	for from := run.Before + 1; from <= run.Through; from += windowJournalsMax {
		current, err := snapshot.read(ctx, from, min(from+windowJournalsMax-1, run.Through))
		if err != nil {
			return fmt.Errorf("reading shard %d from journal %d: %w", c.opened.shard, from, err)
		}
		for i := range current.journals {
			if err := c.journal(&current.journals[i]); err != nil {
				return fmt.Errorf("%w; penstock ledger verify tells more", err)
			}
		}
		d.tell(len(current.journals))
	}
	if c.opened.sequence != run.Through || c.opened.head != run.Head {
		return fmt.Errorf("shard %d ends in %s with journal %d and the hash %x, the archive with %d and %x: it is not of the same journals",
			c.opened.shard, d.Last, c.opened.sequence, c.opened.head, run.Through, run.Head)
	}
	var journals, postings, before int64
	const ask = `select (select count(*) from ledger.journal where shard = $1 and month <= $2),
		(select count(*) from ledger.posting where shard = $1 and month <= $2),
		(select count(*) from ledger.journal where shard = $1 and month > $2 and sequence <= $3)`
	if err := d.tx.QueryRow(ctx, ask, c.opened.shard, int16(d.Last), run.Through).Scan(&journals, &postings, &before); err != nil {
		return fmt.Errorf("counting the rows of shard %d: %w", c.opened.shard, err)
	}
	if journals != run.Through-run.Before || postings != c.postings || before != 0 {
		return fmt.Errorf("shard %d has %d journals with %d postings through %s, the archive %d with %d, and %d of them in later months: "+
			"the archive is not of exactly these months",
			c.opened.shard, journals, postings, d.Last, run.Through-run.Before, c.postings, before)
	}
	return nil
}

// tell tells how many journals were read.
func (d *dropping) tell(journals int) {
	d.done += int64(journals)
	if d.progress == nil {
		return
	}
	total := int64(0)
	for i := range d.Runs {
		total += d.Runs[i].Through - d.Runs[i].Before
	}
	d.progress(d.done, total)
}

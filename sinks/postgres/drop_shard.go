package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// carryOver folds the journals of one shard's months into its opening.
type carryOver struct {
	last Month
	// boundary is the last day of the months: what counts for a day before it has that day.
	boundary schemas.Date
	opened   openedShard
	postings int64
	accounts map[carriedKey]*carried
	// before is what the earlier acts left of each account.
	before map[carriedKey]schemas.Quantity
	// reserved is by how much the months changed what each order has in the pots' reserved accounts: below 0, what had been reserved before them, or for the order
	// of which it is the rest.
	reserved map[schemas.ID]schemas.Quantity
	// payments have postings in the months.
	payments map[schemas.ID]struct{}
	trades   map[schemas.ID]struct{}
	// begun is how many orders have something left of what they reserved in the months.
	begun int64
}

type carriedKey struct {
	pot     schemas.PotID
	account schemas.Account
	asset   schemas.AssetCode
}

// carried is one account. What a pot's account had before and has at last is what its running balances say: it must have had what the earlier acts left of it, and
// the changes must lead from one to the other.
type carried struct {
	before, last, change schemas.Quantity
	changedAt            schemas.Instant
	// days are few: that of the boundary, and those after it.
	days []dayChange
}

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
		payments: map[schemas.ID]struct{}{}, trades: map[schemas.ID]struct{}{},
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
	d.plan.Trades = max(d.plan.Trades, int64(len(c.opened.trades)))
	if !d.execute {
		return nil
	}
	c.opened.digest = c.opened.sum(previous.digest)
	return d.write(ctx, &c.opened)
}

// goOn begins with what an earlier act left of each account.
func (c *carryOver) goOn(o *openedShard) {
	for i := range o.balances {
		b := &o.balances[i]
		c.before[carriedKey{pot: b.pot, account: b.account, asset: b.asset}] += b.quantity
	}
}

// lastOpened is what the last act left of a shard.
func lastOpened(opened []openedShard) openedShard {
	if len(opened) == 0 {
		return openedShard{}
	}
	return opened[len(opened)-1]
}

// read holds each journal of the months against its hash and the one before it. When the last one has the hash that the archive's last one has, the archive has the same
// journals, for the hash covers all of each.
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
	const ask = `select (select count(*) from ledger.journal where shard = $1 and month <= $2), (select count(*) from ledger.posting where shard = $1 and month <= $2),
		(select count(*) from ledger.journal where shard = $1 and month > $2 and sequence <= $3)`
	if err := d.tx.QueryRow(ctx, ask, c.opened.shard, int16(d.Last), run.Through).Scan(&journals, &postings, &before); err != nil {
		return fmt.Errorf("counting the rows of shard %d: %w", c.opened.shard, err)
	}
	if journals != run.Through-run.Before || postings != c.postings || before != 0 {
		return fmt.Errorf("shard %d has %d journals with %d postings through %s, the archive %d with %d, and %d of them in later months: the archive is not of exactly these months",
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

func (c *carryOver) journal(journal *storedJournal) error {
	o := &c.opened
	journal.Previous = o.head
	if journal.Sequence != o.sequence+1 || journal.unknown > 0 || journal.Hash != journal.ExpectedHash() {
		return fmt.Errorf("journal %d of shard %d is not as it was booked after journal %d", journal.Sequence, o.shard, o.sequence)
	}
	if journal.month != monthOf(journal.RecordedAt) || journal.RecordedAt < o.recordedAt {
		return fmt.Errorf("journal %d of shard %d, recorded at %s after one at %s, is in the tables of %s", journal.Sequence, o.shard, journal.RecordedAt, o.recordedAt, Month(journal.month))
	}
	for i := range journal.Postings {
		posting := &journal.Postings[i]
		if err := c.side(journal, posting, posting.From, -posting.Quantity, posting.FromBalance); err != nil {
			return err
		}
		if err := c.side(journal, posting, posting.To, posting.Quantity, posting.ToBalance); err != nil {
			return err
		}
		if posting.Trade != nil {
			c.trades[*posting.Trade] = struct{}{}
		}
	}
	c.postings += int64(len(journal.Postings))
	o.sequence, o.head, o.recordedAt = journal.Sequence, journal.Hash, journal.RecordedAt
	return nil
}

func (c *carryOver) side(journal *storedJournal, posting *ledger.Posting, account schemas.Account, change schemas.Quantity, balance *schemas.Quantity) error {
	key := carriedKey{account: account, asset: posting.Asset}
	ofPot := ledger.IsPotAccount(account)
	if ofPot != (balance != nil) || ofPot && journal.Pot == nil {
		return fmt.Errorf("journal %d of shard %d has a running balance where there is none, or none where there is one", journal.Sequence, c.opened.shard)
	}
	if ofPot {
		key.pot = *journal.Pot
	}
	held := c.accounts[key]
	if held == nil {
		held = &carried{}
		if ofPot {
			held.before = *balance - change
		}
		c.accounts[key] = held
	}
	held.change += change
	held.changedAt = journal.RecordedAt
	if ofPot {
		held.last = *balance
	}
	held.on(max(posting.EffectiveOn, c.boundary), change)
	c.order(posting, account, change)
	return nil
}

// order notes what was reserved for the posting's order, or that it is a payment.
func (c *carryOver) order(posting *ledger.Posting, account schemas.Account, change schemas.Quantity) {
	switch {
	case posting.Order == nil:
	case account == ledger.PotReserved:
		order := posting.Order
		if posting.CounterOrder != nil {
			order = posting.CounterOrder // what comes in by a switch is the buy's
		}
		c.reserved[*order] += change
	case isOfPayments(account):
		c.payments[*posting.Order] = struct{}{}
	}
}

// isOfPayments says whether only payments have an order's place in the account's postings: every step of one that a pot made goes through such an account.
func isOfPayments(account schemas.Account) bool {
	return account == ledger.PotPayable || account == ledger.BankInTransit
}

func (h *carried) on(day schemas.Date, change schemas.Quantity) {
	for i := range h.days {
		if h.days[i].day == day {
			h.days[i].change += change
			return
		}
	}
	h.days = append(h.days, dayChange{day, change})
}

// finish turns what was folded into rows. An account that ended where it began has a row too: it was there, and still is.
func (c *carryOver) finish() error {
	for key, held := range c.accounts {
		if opened := c.before[key]; key.pot != "" && held.before != opened {
			return fmt.Errorf("%s %s of pot %s goes on with %s, but the earlier openings come to %s; penstock ledger verify tells more",
				key.asset, key.account, key.pot, held.before, opened)
		}
		if key.pot != "" && held.before+held.change != held.last {
			return fmt.Errorf("%s %s of pot %s went from %s to %s, but its postings come to %s", key.asset, key.account, key.pot, held.before, held.last, held.change)
		}
		for _, on := range held.days {
			c.opened.balances = append(c.opened.balances, openingBalance{
				pot: key.pot, account: key.account, asset: key.asset, effectiveOn: on.day, quantity: on.change, changedAt: held.changedAt,
			})
		}
	}
	for order, left := range c.reserved {
		if left > 0 {
			c.begun++
		}
		if left != 0 {
			c.opened.orders = append(c.opened.orders, order)
		}
	}
	for payment := range c.payments {
		if c.reserved[payment] == 0 {
			c.opened.orders = append(c.opened.orders, payment)
		}
	}
	for trade := range c.trades {
		c.opened.trades = append(c.opened.trades, trade)
	}
	return nil
}

// write keeps what the act leaves of a shard.
func (d *dropping) write(ctx context.Context, o *openedShard) error {
	var recordedAt any = o.recordedAt.Time()
	if o.sequence == 0 {
		recordedAt = "-infinity"
	}
	const head = "insert into ledger.opening_head (act, shard, sequence, head, recorded_at, digest) values ($1, $2, $3, $4, $5, $6)"
	if _, err := d.tx.Exec(ctx, head, o.Act, o.shard, o.sequence, o.head[:], recordedAt, o.digest[:]); err != nil {
		return fmt.Errorf("writing where shard %d begins: %w", o.shard, err)
	}
	columns := []string{"quanta", "changed_at", "effective_on", "act", "shard", "account", "asset", "pot"}
	_, err := d.tx.CopyFrom(ctx, pgx.Identifier{"ledger", d.table()}, columns, pgx.CopyFromSlice(len(o.balances), func(i int) ([]any, error) {
		b := &o.balances[i]
		quanta, exact := b.quantity.Quanta(int(d.names.scales[string(b.asset)]))
		if !exact {
			return nil, fmt.Errorf("%s of %s is not in whole quanta", b.quantity, b.asset)
		}
		row := []any{quanta, b.changedAt.Time(), b.effectiveOn.Time(), o.Act, int16(o.shard), //nolint:gosec // a ledger has at most 4096 shards
			d.names.accounts[string(b.account)], d.names.assets[string(b.asset)], nil}
		if b.pot != "" {
			row[7] = string(b.pot)
		}
		return row, nil
	}))
	if err != nil {
		return fmt.Errorf("writing the opening of shard %d: %w", o.shard, err)
	}
	_, err = d.tx.CopyFrom(ctx, pgx.Identifier{"ledger", "opening_order"}, []string{"act", "shard", "order_id"}, pgx.CopyFromSlice(len(o.orders), func(i int) ([]any, error) {
		return []any{o.Act, int16(o.shard), [16]byte(o.orders[i])}, nil //nolint:gosec // as above
	}))
	if err != nil {
		return fmt.Errorf("writing the orders of shard %d: %w", o.shard, err)
	}
	_, err = d.tx.CopyFrom(ctx, pgx.Identifier{"ledger", "opening_trade"}, []string{"act", "shard", "trade"}, pgx.CopyFromSlice(len(o.trades), func(i int) ([]any, error) {
		return []any{o.Act, int16(o.shard), d.names.trades[o.trades[i]]}, nil //nolint:gosec // as above
	}))
	if err != nil {
		return fmt.Errorf("writing the trades of shard %d: %w", o.shard, err)
	}
	return nil
}

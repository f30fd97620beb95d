package postgres

import (
	"fmt"

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
	// payments, and deliveries of units that come in, have postings in the months.
	payments, deliveries map[schemas.ID]struct{}
	trades               map[schemas.ID]struct{}
	// begun is how many orders have something left of what they reserved in the months.
	begun int64
}

type carriedKey struct {
	pot     schemas.PotID
	account schemas.Account
	asset   schemas.AssetCode
}

// carried is one account. What a pot's account had before and has at last is what its running balances say: it must have had what the earlier acts left of it,
// and the changes must lead from one to the other.
type carried struct {
	before, last, change schemas.Quantity
	changedAt            schemas.Instant
	// days are few: that of the boundary, and those after it.
	days []dayChange
}

// goOn begins with what an earlier act left of each account.
func (c *carryOver) goOn(o *openedShard) {
	for i := range o.balances {
		b := &o.balances[i]
		c.before[carriedKey{pot: b.pot, account: b.account, asset: b.asset}] += b.quantity
	}
}

func (c *carryOver) journal(journal *storedJournal) error {
	o := &c.opened
	journal.Previous = o.head
	if journal.Sequence != o.sequence+1 || journal.unknown > 0 || journal.Hash != journal.ExpectedHash() {
		return fmt.Errorf("journal %d of shard %d is not as it was booked after journal %d", journal.Sequence, o.shard, o.sequence)
	}
	if journal.month != monthOf(journal.RecordedAt) || journal.RecordedAt < o.recordedAt {
		return fmt.Errorf("journal %d of shard %d, recorded at %s after one at %s, is in the tables of %s",
			journal.Sequence, o.shard, journal.RecordedAt, o.recordedAt, Month(journal.month))
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

// order notes what was reserved for the posting's order, or that it is a payment or a delivery that comes in. One that goes out reserves its units.
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
	case account == ledger.PotPending && isOfDeliveries(posting.Stage):
		c.deliveries[*posting.Order] = struct{}{}
	}
}

// isOfPayments says whether only payments have an order's place in the account's postings: every step of one that a pot made goes through such an account.
func isOfPayments(account schemas.Account) bool {
	return account == ledger.PotPayable || account == ledger.BankInTransit
}

// isOfDeliveries says whether a posting of the stage is a step of units in specie on their way.
func isOfDeliveries(stage string) bool {
	return stage == "announced" || stage == "delivered" || stage == "undelivered"
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
	for _, whole := range []map[schemas.ID]struct{}{c.payments, c.deliveries} {
		for id := range whole {
			if c.reserved[id] == 0 {
				c.opened.orders = append(c.opened.orders, id)
			}
		}
	}
	for trade := range c.trades {
		c.opened.trades = append(c.opened.trades, trade)
	}
	return nil
}

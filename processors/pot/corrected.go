package pot

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/allocation"
	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// postingsPerCorrection is how many postings the correction of one order of one piece makes, where it has settled: cash, units and settlement,
// each negated and booked anew.
const postingsPerCorrection = 6

// correctedTags are the tags of all pots that had orders in the batch.
func correctedTags(b *inbox.BatchCorrected) []string {
	return []string{batch.Tag(b.Day, b.Asset, correctedKind(b))}
}

// correction is one pot's part of a batch that is worked out again at the right price.
type correction struct {
	*draft
	batch *inbox.BatchCorrected
	pot   schemas.PotID
	cause *inbox.Cause
	tally *state.PotTally
	// less is by how much the right price makes what the pot has settled less, of orders of which some may have left the pot since.
	less schemas.Units
	// changed says that the message is news to the pot. It is none where the message is swept again for another pot's sake.
	changed bool
}

// stake is an order in the batch, whether it has settled or not.
type stake struct {
	id         *schemas.ID
	amount     int64
	given, got *int64
	pieces     int32
	corrected  *int32
	settled    bool
	left       bool
}

// corrected negates what the pot's orders got and gave in the batch, and books what they would have at the right price: in one journal, on the
// same effective dates. What the pot has no more of is made good by the scheme, for no account of a member may fall below zero.
func corrected(
	place streams.Place, r *Reference, before *state.PotState, pot schemas.PotID, cause *inbox.Cause, b *inbox.BatchCorrected, tally *state.PotTally,
) (*state.PotState, []streams.Out) {
	c := &correction{draft: newDraft(before, postingsPerCorrection), batch: b, pot: pot, cause: cause, tally: tally}
	c.dips = true
	c.state.Dealt = slices.Clone(before.Dealt)
	for i := range c.state.Orders {
		if o := &c.state.Orders[i]; o.Day == b.Day && o.Asset == b.Asset && kindOf(o) == correctedKind(b) && o.Pieces > 0 {
			id := o.ID
			c.order(&stake{id: &id, amount: o.Amount, given: &o.Given, got: &o.Got, pieces: o.Pieces, corrected: &o.Corrected})
		}
	}
	for i := range c.state.Dealt {
		if o := &c.state.Dealt[i]; o.Day == b.Day && o.Asset == b.Asset && dealtKind(o) == correctedKind(b) {
			id := o.ID
			c.order(&stake{id: &id, amount: o.Amount, given: &o.Given, got: &o.Got, pieces: o.Pieces, corrected: &o.Corrected, settled: true, left: o.Left})
		}
	}
	if !c.changed {
		return before, nil
	}
	c.makeGood(place, r)
	return &c.state, c.journal(nil, place, pot, cause, kindCorrected)
}

// order corrects one order, unless it was corrected to this price before.
func (c *correction) order(s *stake) {
	b := c.batch
	if *s.corrected >= b.PriceVersion {
		return
	}
	if int(s.pieces) != len(b.Pieces) {
		panic(fmt.Sprintf("pot: order %s took %d pieces of batch %s, %d are corrected", s.id, s.pieces, b.Trade, len(b.Pieces)))
	}
	was, now := c.shares(s)
	last := len(was) - 1
	if was[last] != (allocation.Amounts{Got: *s.got, Given: *s.given}) {
		panic(fmt.Sprintf("pot: order %s got %d and gave %d of batch %s, its share was %d and %d", s.id, *s.got, *s.given, b.Trade, was[last].Got, was[last].Given))
	}
	entry := tallyOf(c.tally, b.Trade, heldCorrection(b.PriceVersion))
	entry.Orders++
	entry.Weight += s.amount
	entry.Got += now[last].Got - was[last].Got
	entry.Given += now[last].Given - was[last].Given
	c.negate(s, was)
	c.rebook(s, now)
	*s.corrected, c.changed = b.PriceVersion, true
	if less := was[last].Got - now[last].Got; s.settled && s.left && less > 0 {
		c.less += schemas.Units(less)
	}
	*s.got, *s.given = now[last].Got, now[last].Given
}

// shares are what the order had got and given with each piece, and what it should have.
func (c *correction) shares(s *stake) (was, now []allocation.Amounts) {
	b := c.batch
	for i := range b.Pieces {
		p := &b.Pieces[i]
		was = append(was, mustShare(allocation.Share(allocation.Amounts{Got: p.WasGot, Given: p.WasGiven}, s.amount, b.Weight)))
		now = append(now, mustShare(allocation.Share(allocation.Amounts{Got: p.Got, Given: p.Given}, s.amount, b.Weight)))
	}
	return was, now
}

// negate posts the opposite of what was posted, the last first. Each posting names the journal of which it negates one.
func (c *correction) negate(s *stake, was []allocation.Amounts) {
	b, held := c.batch, c.holding(c.batch.Asset)
	if s.settled {
		p := purpose{stage: stageReversed, effectiveOn: *b.SettledOn, order: s.id, trade: &b.Trade, reverses: c.journalOf(s, b.SettledTold)}
		c.moveUnits(p, held.settled(), held.pending(), was[len(was)-1].Got)
	}
	for i := len(was) - 1; i >= 0; i-- {
		moved := since(was, i)
		p := purpose{stage: stageReversed, effectiveOn: b.Day, order: s.id, trade: &b.Trade, reverses: c.journalOf(s, b.Pieces[i].Told)}
		c.moveUnits(p, held.pending(), outside[schemas.Units](ledger.UnitsOwed(b.Custodian)), moved.Got)
		c.moveCash(p, outside[schemas.Money](ledger.CashOwed(b.Custodian)), c.reserved(), schemas.Money(moved.Given))
	}
}

// rebook posts what the order gets and gives at the right price.
func (c *correction) rebook(s *stake, now []allocation.Amounts) {
	b, held := c.batch, c.holding(c.batch.Asset)
	for i := range now {
		moved := since(now, i)
		p := purpose{stage: stagePriced, effectiveOn: b.Day, order: s.id, trade: &b.Trade}
		c.moveCash(p, c.reserved(), outside[schemas.Money](ledger.CashOwed(b.Custodian)), schemas.Money(moved.Given))
		c.moveUnits(p, outside[schemas.Units](ledger.UnitsOwed(b.Custodian)), held.pending(), moved.Got)
	}
	if s.settled {
		p := purpose{stage: stageSettled, effectiveOn: *b.SettledOn, order: s.id, trade: &b.Trade}
		c.moveUnits(p, held.pending(), held.settled(), now[len(now)-1].Got)
	}
}

// compensate moves units between the scheme's compensation and the pot, and adds them to what the close will know of the scheme's account.
func (c *correction) compensate(stage string, on schemas.Date, toPot bool, amount schemas.Units) {
	p := purpose{stage: stage, effectiveOn: on, trade: &c.batch.Trade}
	scheme, pot := outside[schemas.Units](ledger.SchemeCompensation), c.holding(c.batch.Asset).settled()
	entry := tallyOf(c.tally, c.batch.Trade, tallyCompensation)
	if toPot {
		entry.Got -= int64(amount)
		c.moveUnits(p, scheme, pot, int64(amount))
		return
	}
	entry.Got += int64(amount)
	c.moveUnits(p, pot, scheme, int64(amount))
}

// makeGood lets the scheme make good what the pot has no more of, because it left: the units that are missing for good, and, from the effective date of the
// correction until today, those that the pot has again by now, but may not have had in between.
func (c *correction) makeGood(place streams.Place, r *Reference) {
	b := c.batch
	missing := max(0, -c.holding(b.Asset).Settled)
	if missing > 0 {
		c.compensate(stageCompensated, *b.SettledOn, true, missing)
	}
	lent := c.less - missing
	today, ok := r.LocalDate(place.RecordedAt)
	if ok && lent > 0 && *b.SettledOn < today {
		c.compensate(stageLent, *b.SettledOn, true, lent)
		c.compensate(stageRepaid, today, false, lent)
	}
	if over := c.holding(b.Asset).Settled; ok && over > 0 && c.state.ClosedOn != nil {
		// A closed pot stays empty: what the right price gives it is owed to the member by the scheme, outside of the pot.
		c.compensate(stageCompensated, today, false, over)
	}
	if h := c.holding(b.Asset); h.Settled < 0 || h.Pending < 0 || c.state.Reserved < 0 {
		panic(fmt.Sprintf("pot: the correction of batch %s leaves %d settled, %d pending, %d reserved", b.Trade, h.Settled, h.Pending, c.state.Reserved))
	}
}

// since is what piece i alone moved.
func since(through []allocation.Amounts, i int) allocation.Amounts {
	if i == 0 {
		return through[0]
	}
	return through[i].Minus(through[i-1])
}

// journalOf returns the id of the journal that the pot wrote when it was told something of the batch, or when the order was last corrected.
func (c *correction) journalOf(s *stake, told string) *schemas.ID {
	kind := kindConfirmed
	if *s.corrected > 0 {
		kind, told = kindCorrected, batch.Correction(c.batch.Trade, *s.corrected)
	}
	id := journalID(kind, c.cause.Source, string(c.pot), told)
	return &id
}

func (c *correction) moveUnits(p purpose, from, to end[schemas.Units], amount int64) {
	move(c.draft, p, c.batch.Asset, c.batch.UnitsScale, from, to, schemas.Units(amount))
}

// batchCorrected ends a sweep over a batch that was corrected: the residue of the shard, and the outside leg of its settlement, move by what the right
// price makes of them. Where pots of the batch are set aside, that waits until a repeated sweep has found all of them.
func batchCorrected(
	place streams.Place, stored *state.PotReference, cause *inbox.Cause, b *inbox.BatchCorrected, tally *state.PotTally,
) (*state.PotReference, []streams.Out) {
	if taken := tallyOf(tally, b.Trade, tallyCompensation).Got; taken != 0 {
		stored = withBalance(stored, b.Asset, ledger.SchemeCompensation, taken)
	}
	c := newClosing(place, stored)
	d := newDraft(&state.PotState{}, 2*postingsPerOrder)
	tag := batch.Tag(b.Day, b.Asset, correctedKind(b))
	last := &b.Pieces[len(b.Pieces)-1]
	was := mustShare(allocation.Part(allocation.Amounts{Got: last.WasGot, Given: last.WasGiven}, b.WeightBefore, b.WeightThrough, b.Weight))
	now := mustShare(allocation.Part(allocation.Amounts{Got: last.Got, Given: last.Given}, b.WeightBefore, b.WeightThrough, b.Weight))
	part := now.Minus(was)
	if shares := tallyOf(tally, b.Trade, heldCorrection(b.PriceVersion)); c.due(tag, b.Trade, heldCorrection(b.PriceVersion), shares) {
		if want := b.WeightThrough - b.WeightBefore; shares.Weight != want {
			panic(fmt.Sprintf("pot: batch %s has weight %d in this shard, its pots have %d", b.Trade, want, shares.Weight))
		}
		p := purpose{stage: stageRounded, effectiveOn: b.Day, trade: &b.Trade}
		residue(d, p, schemas.Cash, schemas.MoneyScale, ledger.CashOwed(b.Custodian), schemas.Money(shares.Given-part.Given))
		residue(d, p, b.Asset, b.UnitsScale, ledger.UnitsOwed(b.Custodian), schemas.Units(part.Got-shares.Got))
	}
	if b.SettledOn != nil && c.due(tag, b.Trade, heldCorrectedSettlement(b.PriceVersion), &state.BatchTally{}) {
		p := purpose{stage: stageSettled, effectiveOn: *b.SettledOn, trade: &b.Trade}
		either(d, p, schemas.Cash, schemas.MoneyScale, ledger.CashOwed(b.Custodian), ledger.BankClientMoney, schemas.Money(part.Given))
		either(d, p, b.Asset, b.UnitsScale, ledger.UnitsSettled(b.Custodian), ledger.UnitsOwed(b.Custodian), schemas.Units(part.Got))
	}
	if len(d.postings) == 0 {
		return c.after(stored), nil
	}
	return c.after(stored), []streams.Out{journalOut(place, nil, streams.ControlKey(place.Shard), cause, "closed"+c.done, d.postings)}
}

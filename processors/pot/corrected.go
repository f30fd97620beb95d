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
	return []string{correctedPart(b).tag()}
}

// correction is one pot's part of a batch that is worked out again at the right price.
type correction struct {
	*draft
	batch     *inbox.BatchCorrected
	reference *Reference
	pot       schemas.PotID
	cause     *inbox.Cause
	tally     *state.PotTally
	// today is the day on which the pot decides.
	today schemas.Date
	// lessUnits and lessCash are by how much the right price makes what the pot has settled, or has available, less, where some of it may have left the
	// pot since.
	lessUnits schemas.Units
	lessCash  schemas.Money
	// lessPending is by how much it makes less what a sell has pending that came back to it later than it was priced.
	lessPending schemas.Money
	// spentMore says that some of that cash is taken from the dealing day on: the buy of a switch has spent more than its sell brings.
	spentMore bool
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
	// spent is how much of what a sell got the buy of its switch has reserved or spent.
	spent *schemas.Money
	// open is the order itself while it has not settled, dealt what is kept of it afterwards.
	open  *state.Order
	dealt *state.DealtOrder
	// settledOn is when the pot booked that it settled, since when something last came back to it as far as an earlier version noted that.
	settledOn, since schemas.Date
	// left says that what it brought may have left the pot since, charge that it went to the scheme's charges.
	left, charge bool
}

func (s *stake) settled() bool { return s.open == nil }

// corrected negates what the pot's orders got and gave in the batch, and books what they would have at the right price: in one journal, on the
// same effective dates. What the pot has no more of is made good by the scheme, for no account of a member may fall below zero.
func corrected(
	place streams.Place, r *Reference, before *state.PotState, pot schemas.PotID, cause *inbox.Cause, b *inbox.BatchCorrected, tally *state.PotTally,
) (*state.PotState, []streams.Out) {
	c := &correction{draft: newDraft(before, postingsPerCorrection), batch: b, reference: r, pot: pot, cause: cause, tally: tally, today: r.today(place)}
	c.dips = true
	c.state.Dealt = slices.Clone(before.Dealt)
	part := correctedPart(b)
	if c.holdsNone() {
		c.holding(b.Asset).Event = r.kept[b.Asset].Event // what it comes to hold takes no part in what came before it
	}
	for i := range c.state.Orders {
		if o := &c.state.Orders[i]; batchOf(o) == part.batchKey && o.Pieces > 0 {
			id := o.ID
			c.order(&stake{id: &id, amount: o.Amount, given: &o.Given, got: &o.Got, pieces: o.Pieces, corrected: &o.Corrected, spent: &o.Spent, open: o, since: o.Since, left: o.Priced})
		}
	}
	for i := range c.state.Dealt {
		if o := &c.state.Dealt[i]; dealtBatch(o) == part.batchKey {
			id := o.ID
			c.order(&stake{
				id: &id, amount: o.Amount, given: &o.Given, got: &o.Got, pieces: o.Pieces, corrected: &o.Corrected, spent: &o.Spent,
				dealt: o, settledOn: o.SettledOn, since: o.Since, left: o.Left, charge: o.Charge,
			})
		}
	}
	if !c.changed {
		return before, nil
	}
	c.makeGood(place)
	c.noteTaken()
	return &c.state, c.journal(nil, place, pot, cause, kindCorrected)
}

func (c *correction) holdsNone() bool { return findHolding(&c.state, c.batch.Asset) == nil }

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
	addShare(c.tally, b.Trade, heldCorrection(b.PriceVersion), s.amount, now[last].Minus(was[last]))
	if b.Side == inbox.SideSell {
		c.sell(s, was, now)
	} else {
		c.buy(s, was, now)
	}
	*s.corrected, c.changed = b.PriceVersion, true
	*s.got, *s.given = now[last].Got, now[last].Given
	s.rebooked()
}

// shares are what the order had got and given with each piece, and what it should have.
func (c *correction) shares(s *stake) (was, now []allocation.Amounts) {
	b := c.batch
	rounding := mustRound(b.Trade, b.Policy, b.Side)
	for i := range b.Pieces {
		p := &b.Pieces[i]
		was = append(was, mustShare(rounding.Share(allocation.Amounts{Got: p.WasGot, Given: p.WasGiven}, s.amount, b.Weight)))
		now = append(now, mustShare(rounding.Share(allocation.Amounts{Got: p.Got, Given: p.Given}, s.amount, b.Weight)))
	}
	return was, now
}

// buy posts the opposite of what was posted, the last first, and then what the order has at the right price. Each posting that negates names the journal
// of which it negates one.
func (c *correction) buy(s *stake, was, now []allocation.Amounts) {
	b, held, last := c.batch, c.holding(c.batch.Asset), len(was)-1
	cashOwed, unitsOwed := owed(b.Custodian)
	if s.settled() {
		c.moveUnits(c.negated(s, s.settledOn, b.SettledTold), held.settled(), held.pending(), was[last].Got)
	}
	c.negate(s, was)
	for i := range now {
		moved, p := since(now, i), c.booked(s, stagePriced, b.Day)
		c.moveCash(p, c.reserved(), cashOwed, schemas.Money(moved.Given))
		c.moveUnits(p, unitsOwed, held.pending(), moved.Got)
	}
	if !s.settled() {
		return
	}
	c.moveUnits(c.booked(s, stageSettled, s.settledOn), held.pending(), held.settled(), now[last].Got)
	if s.left {
		c.lessUnits += schemas.Units(max(0, was[last].Got-now[last].Got))
	}
}

// negate posts the opposite of what the pieces moved, the last first.
func (c *correction) negate(s *stake, was []allocation.Amounts) {
	b, held := c.batch, c.holding(c.batch.Asset)
	cashOwed, unitsOwed := owed(b.Custodian)
	for i := len(was) - 1; i >= 0; i-- {
		moved, p := since(was, i), c.negated(s, b.Day, b.Pieces[i].Told)
		if b.Side == inbox.SideSell {
			c.moveCash(p, c.pending(), cashOwed, schemas.Money(moved.Got))
			c.moveUnits(p, unitsOwed, held.reserved(), moved.Given)
			continue
		}
		c.moveUnits(p, held.pending(), unitsOwed, moved.Got)
		c.moveCash(p, cashOwed, c.reserved(), schemas.Money(moved.Given))
	}
}

// negated is the purpose of postings that negate what the pot was told of under an id.
func (c *correction) negated(s *stake, on schemas.Date, told string) purpose {
	return purpose{stage: stageReversed, effectiveOn: on, order: s.id, trade: &c.batch.Trade, reverses: c.journalOf(s, told)}
}

// booked is the purpose of postings that book anew.
func (c *correction) booked(s *stake, stage string, on schemas.Date) purpose {
	return purpose{stage: stage, effectiveOn: on, order: s.id, trade: &c.batch.Trade}
}

// since is what piece i alone moved.
func since(through []allocation.Amounts, i int) allocation.Amounts {
	if i == 0 {
		return through[0]
	}
	return through[i].Minus(through[i-1])
}

// journalOf returns the id of the journal that the pot wrote when it was told something of the batch: at first, or when the order was last corrected.
func (c *correction) journalOf(s *stake, told string) *schemas.ID {
	kind := kindConfirmed
	if *s.corrected > 0 && told == batch.Correction(c.batch.Trade, *s.corrected) {
		kind = kindCorrected
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
	if len(b.Pieces) == 0 {
		panic(fmt.Sprintf("pot: batch %s is corrected, and no piece of it", b.Trade))
	}
	taken := tallyOf(tally, b.Trade, tallyCompensation)
	stored = compensated(stored, b.Asset, taken.Got)
	c := newClosing(place, stored)
	d := newDraft(&state.PotState{}, 2*postingsPerOrder)
	part, last := correctedPart(b), &b.Pieces[len(b.Pieces)-1]
	tag, more := part.tag(), part.of(last.Got, last.Given).Minus(part.of(last.WasGot, last.WasGiven))
	if shares := tallyOf(tally, b.Trade, heldCorrection(b.PriceVersion)); c.due(tag, b.Trade, heldCorrection(b.PriceVersion), shares) {
		part.mustHave(shares)
		d.residue(part, more.Got-shares.Got, shares.Given-more.Given)
	}
	if b.SettledOn != nil && c.due(tag, b.Trade, heldCorrectedSettlement(b.PriceVersion), &state.BatchTally{}) {
		d.settle(part, *b.SettledOn, more)
	}
	return c.after(stored), d.closed(place, cause, c)
}

// cashAndUnits tells apart what a side gets and gives.
func cashAndUnits(side inbox.Side, got, given int64) (cash, units int64) {
	if side == inbox.SideSell {
		return got, given
	}
	return given, got
}

// compensated returns the reference data with the units that pots gave to the scheme's compensation, less what they took.
func compensated(stored *state.PotReference, asset schemas.AssetCode, taken int64) *state.PotReference {
	if taken == 0 {
		return stored
	}
	return withBalance(stored, asset, ledger.SchemeCompensation, taken)
}

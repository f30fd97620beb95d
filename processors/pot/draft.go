package pot

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// Rules is the version of the rules by which this package decides; every journal carries it.
const Rules = "pot/5"

// The stages of postings.
const (
	stageContributed = "contributed"
	stageReserved    = "reserved"
	stageCancelled   = "cancelled"
	stagePriced      = "priced"
	stageReturned    = "returned"
	stageRounded     = "rounded"
	stageSwitched    = "switched"
	stageSettled     = "settled"
	stageRejected    = "rejected"
	stageWithdrawn   = "withdrawn"
	stageSent        = "sent"
	stagePaid        = "paid"
	stageBounced     = "bounced"
	stageReceived    = "received"
	stageAttributed  = "attributed"
	stageAnnounced   = "announced"
	stagePromised    = "promised"
	stageDelivered   = "delivered"
	stageUndelivered = "undelivered"
	stageCharged     = "charged"
	stageDistributed = "distributed"
	stageSplit       = "split"
	stageMerged      = "merged"
	stageReversed    = "reversed"
	stageCompensated = "compensated"
	stageLent        = "lent"
	stageRepaid      = "repaid"
)

// The kinds of journals that batches make; ids of journals are derived from them.
const (
	kindConfirmed = "confirmed"
	kindCorrected = "corrected"
)

// draft is a pot's next state and the journal that leads to it, while a message is being decided.
type draft struct {
	state    state.PotState
	postings []ledger.Posting
	// balances backs the running balances that the postings point to.
	balances []schemas.Quantity
	// returned is what buys of switches have given back to sells that have settled.
	returned []returnedPart
	// reference is the one under which the cash was held that a transfer in brings.
	reference string
	// dips lets a balance fall below zero while the journal is under way; who sets it sees to it that none ends there.
	dips bool
}

// newDraft copies the state, so that the one that was handed in stays as it is, and makes room for so many postings.
func newDraft(before *state.PotState, postings int) *draft {
	d := &draft{
		state:    *before,
		postings: make([]ledger.Posting, 0, postings),
		balances: make([]schemas.Quantity, 0, 2*postings),
	}
	d.state.Holdings = slices.Clone(before.Holdings)
	d.state.Orders = slices.Clone(before.Orders)
	d.state.Seen = slices.Clone(before.Seen)
	return d
}

// end is one end of a posting. Only a pot's account has a balance here.
type end[T ~int64] struct {
	account schemas.Account
	balance *T
}

func outside[T ~int64](account schemas.Account) end[T] { return end[T]{account: account} }

// owed are the accounts of what a custodian owes until it is settled.
func owed(custodian schemas.CustodianID) (cash end[schemas.Money], units end[schemas.Units]) {
	return outside[schemas.Money](ledger.CashOwed(custodian)), outside[schemas.Units](ledger.UnitsOwed(custodian))
}

// purpose says what a posting is for.
type purpose struct {
	stage        string
	effectiveOn  schemas.Date
	order, trade *schemas.ID
	// reverses is the journal of which the posting negates one, if it does.
	reverses *schemas.ID
	// counter is the other order of a switch, where cash moves between the two.
	counter *schemas.ID
}

func (d *draft) available() end[schemas.Money] {
	return end[schemas.Money]{ledger.PotAvailable, &d.state.Available}
}

func (d *draft) reserved() end[schemas.Money] {
	return end[schemas.Money]{ledger.PotReserved, &d.state.Reserved}
}

func (d *draft) payable() end[schemas.Money] {
	return end[schemas.Money]{ledger.PotPayable, &d.state.Payable}
}

func (d *draft) pending() end[schemas.Money] {
	return end[schemas.Money]{ledger.PotPending, &d.state.Pending}
}

func (d *draft) moveCash(p purpose, from, to end[schemas.Money], amount schemas.Money) {
	move(d, p, schemas.Cash, schemas.MoneyScale, from, to, amount)
}

// move posts an amount from one account to another and carries the pot's balances along. Nothing is posted for zero. The
// callers have checked that the amount is there: if it is not, a promise of ours is broken.
func move[T ~int64](d *draft, p purpose, asset schemas.AssetCode, scale int32, from, to end[T], amount T) {
	if amount == 0 {
		return
	}
	if amount < 0 {
		panic(fmt.Sprintf("pot: posting of %d from %s to %s", amount, from.account, to.account))
	}
	posting := ledger.Posting{
		Leg: int32(len(d.postings) + 1), Stage: p.stage, Asset: asset, Scale: scale, //nolint:gosec // a journal has few postings
		Quantity: quantity(int64(amount), scale), From: from.account, To: to.account, EffectiveOn: p.effectiveOn,
		Order: p.order, Trade: p.trade, Reverses: p.reverses, CounterOrder: p.counter,
	}
	if from.balance != nil {
		if *from.balance < amount && !d.dips {
			panic(fmt.Sprintf("pot: %s of %s would fall below zero", from.account, asset))
		}
		*from.balance -= amount
		posting.FromBalance = d.running(int64(*from.balance), scale)
	}
	if to.balance != nil {
		sum, err := schemas.AddChecked(*to.balance, amount)
		if err != nil {
			panic(fmt.Sprintf("pot: %s of %s: %v", to.account, asset, err))
		}
		*to.balance = sum
		posting.ToBalance = d.running(int64(sum), scale)
	}
	d.postings = append(d.postings, posting)
}

// shift moves an amount, or moves it back where it is below zero.
func shift[T ~int64](d *draft, p purpose, asset schemas.AssetCode, scale int32, from, to end[T], amount T) {
	if amount < 0 {
		from, to, amount = to, from, -amount
	}
	move(d, p, asset, scale, from, to, amount)
}

func (d *draft) running(quanta int64, scale int32) *schemas.Quantity {
	d.balances = append(d.balances, quantity(quanta, scale))
	return &d.balances[len(d.balances)-1]
}

// quantity converts quanta that a posting moves. Amounts are bounded on the way in, far below where this could fail.
func quantity(quanta int64, scale int32) schemas.Quantity {
	q, err := schemas.QuantityOf(quanta, int(scale))
	if err != nil {
		panic(fmt.Sprintf("pot: %d quanta of scale %d: %v", quanta, scale, err))
	}
	return q
}

// holding is what a pot has of an asset, while a message is being decided.
type holding struct{ *state.Holding }

func (h holding) settled() end[schemas.Units] {
	return end[schemas.Units]{ledger.PotSettled, &h.Settled}
}

func (h holding) pending() end[schemas.Units] {
	return end[schemas.Units]{ledger.PotPending, &h.Pending}
}

func (h holding) reserved() end[schemas.Units] {
	return end[schemas.Units]{ledger.PotReserved, &h.Reserved}
}

// giveBack returns what is left of an order's reservation.
func (d *draft) giveBack(p purpose, order *state.Order, scale int32) {
	if order.Side == inbox.SideBuy {
		d.giveBackCash(p, order)
		return
	}
	held := d.holding(order.Asset)
	move(d, p, order.Asset, scale, held.reserved(), held.settled(), reservedUnits(order)-schemas.Units(order.Given))
}

// holding returns the pot's holding of the asset, making it where there is none.
func (d *draft) holding(asset schemas.AssetCode) holding {
	i, found := slices.BinarySearchFunc(d.state.Holdings, asset, func(h state.Holding, code schemas.AssetCode) int { return cmp.Compare(h.Asset, code) })
	if !found {
		d.state.Holdings = slices.Insert(d.state.Holdings, i, state.Holding{Asset: asset})
	}
	return holding{&d.state.Holdings[i]}
}

// journal returns the output for what the draft posted, or none where it posted nothing. An asset of which nothing is left is no holding any more.
func (d *draft) journal(outs []streams.Out, place streams.Place, pot schemas.PotID, cause *inbox.Cause, kind string) []streams.Out {
	d.state.Holdings = slices.DeleteFunc(d.state.Holdings, func(h state.Holding) bool { return h.Settled == 0 && h.Pending == 0 && h.Reserved == 0 })
	if len(d.postings) == 0 {
		return outs
	}
	d.noteArrivals()
	if !d.dips {
		d.noteLeft()
	}
	out := journalOut(place, &pot, string(pot), cause, kind, d.postings)
	id := out.Value.(*ledger.Journal).ID //nolint:forcetypeassert // made one line above
	d.noteBooked(id)
	d.noteReturned(id)
	return append(outs, out)
}

// journalOut makes a journal; the engine's side links it into the shard's chain. The kind tells apart what one cause may
// write under one key.
func journalOut(place streams.Place, pot *schemas.PotID, key string, cause *inbox.Cause, kind string, postings []ledger.Posting) streams.Out {
	return streams.Out{Topic: streams.LedgerJournal, Key: key, Value: &ledger.Journal{
		ID:    journalID(kind, cause.Source, key, cause.ID),
		Shard: place.Shard, Pot: pot, Source: cause.Source, Cause: cause.ID, RecordedAt: place.RecordedAt,
		Topic: cause.Topic, Partition: cause.Partition, Offset: cause.Offset, Rules: Rules, Postings: postings,
	}}
}

// journalID is the id of a journal; what led to it is enough to know it.
func journalID(kind string, source schemas.SourceID, key, cause string) schemas.ID {
	return schemas.DeriveID("journal", kind, string(source), key, cause)
}

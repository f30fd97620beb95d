package invariants

import (
	"cmp"
	"maps"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// The words of stages, events and states that the checks look for. They are frozen where they are written.
const (
	stageReserved  = "reserved"
	stageCancelled = "cancelled"
	stagePriced    = "priced"
	stageReturned  = "returned"
	stageRounded   = "rounded"
	stageSettled   = "settled"
	stageRejected  = "rejected"
	stageSwitched  = "switched"

	eventBatched  = "batched"
	eventPlaced   = "placed"
	eventPriced   = "priced"
	eventSettled  = "settled"
	eventRejected = "rejected"
	// eventCorrected tells of a piece anew, at another price.
	eventCorrected = "corrected"

	// stageReversed negates a posting; which one, its accounts say.
	stageReversed = "reversed"
	// Orders that were not dealt go on to another day: whole, or the rest of them.
	eventCarried     = "carried"
	eventRestCarried = "rest-carried"
)

// facts are the input, put together by what it is about.
type facts struct {
	*Input
	shards map[int32][]*ledger.Journal // in the order of their sequences
	trades map[schemas.ID]*trade
	orders map[schemas.ID]*order
	// residues are what each trade has left in each shard's rounding account, in quanta.
	residues  map[residueKey]int64
	confirmed map[confirmationKey][]*ingest.Confirmation
	// payments are what postings did of each payment.
	payments map[schemas.ID]*payment
	// deliveries are what they did of units in specie.
	deliveries map[schemas.ID]*inSpecie
	prices     map[priceKey][]*ingest.Price
	choices    *choices
	// runs are what pots told of re-balancing.
	runs []*outcome
	// held are the instructions for which pots keep cash until somebody has reviewed them, as far as their answers were read.
	held map[instructionKey]schemas.Money
}

type confirmationKey struct {
	trade schemas.ID
	id    string
}

type priceKey struct {
	asset schemas.AssetCode
	date  schemas.Date
}

type residueKey struct {
	trade schemas.ID
	shard int32
	cash  bool
}

// trade is what became of one external trade.
type trade struct {
	id                         schemas.ID
	events                     []*ledger.Trade
	batched, settled, rejected *ledger.Trade
	placed                     *ledger.Trade
	carried, restCarried       *ledger.Trade
	fills                      []*ledger.Trade
	// dealt are its pieces as they were dealt, fills as they were told last. corrections counts what was told of its pieces anew, strays what was told anew
	// of pieces that it does not have.
	dealt               []*ledger.Trade
	corrections, strays int
	// givenUp says that it was rejected after it was dealt: nothing of it may be left.
	givenUp bool
	order   *custodian.CustodianOrder
	// cash and units are what the custodian confirmed, in quanta of 0.01 and of the asset's scale.
	cash, units int64
	// members are the orders that the postings of the trade name.
	members []*order
}

// order is one member's order: what its instruction says of it, and what its postings did.
type order struct {
	id       schemas.ID
	pot      schemas.PotID
	received *Received
	asset    schemas.AssetCode
	cash     schemas.Money // of its instruction, in quanta
	sells    bool
	byCash   bool              // it sells for so much cash, which is its weight
	units    schemas.Quantity  // of its instruction, where it sells so many
	rest     bool              // it goes on with what another order was not dealt
	made     schemas.Instant   // when an event made it, where no instruction did
	madeBy   origin            // of that event
	run      *outcome          // of the re-balancing that it is of
	into     schemas.AssetCode // what the switch buys that it sells for
	switching
	trades     map[schemas.ID]bool
	reserved   schemas.Quantity
	income     schemas.Quantity // that the journal which reserved brought
	given, got schemas.Quantity
	returned   schemas.Quantity
	carried    schemas.Quantity // what another order goes on with
	settled    schemas.Quantity
	cancelled  bool
	shard      int32
	// inReserved and inPending are its own parts of the pot's accounts, and the least they ever were.
	inReserved, inPending       schemas.Quantity
	leastReserved, leastPending schemas.Quantity
}

// ended says that nothing is left to happen to the order.
func (o *order) ended(f *facts) bool {
	if o.cancelled {
		return true
	}
	for id := range o.trades {
		if t := f.trades[id]; t != nil && (t.settled != nil || t.rejected != nil) {
			return true
		}
	}
	return false
}

func gather(in *Input) *facts {
	f := &facts{
		Input: in, shards: make(map[int32][]*ledger.Journal), trades: make(map[schemas.ID]*trade), orders: make(map[schemas.ID]*order),
		residues: make(map[residueKey]int64), confirmed: make(map[confirmationKey][]*ingest.Confirmation), prices: make(map[priceKey][]*ingest.Price),
		payments: make(map[schemas.ID]*payment), deliveries: make(map[schemas.ID]*inSpecie), choices: newChoices(in.Reference),
		held: make(map[instructionKey]schemas.Money),
	}
	for _, c := range in.Confirmations {
		key := confirmationKey{c.Trade, c.ID}
		f.confirmed[key] = append(f.confirmed[key], c)
	}
	for _, p := range in.Prices {
		key := priceKey{p.Asset, p.Date}
		f.prices[key] = append(f.prices[key], p)
	}
	for _, j := range in.Journals {
		f.shards[j.Shard] = append(f.shards[j.Shard], j)
	}
	for _, journals := range f.shards {
		slices.SortStableFunc(journals, func(a, b *ledger.Journal) int { return cmp.Compare(a.Sequence, b.Sequence) })
	}
	for _, event := range in.Trades {
		f.event(event)
	}
	for _, o := range in.Orders {
		f.trade(o.Trade).order = o
	}
	f.deriveAccepted()
	for _, journals := range f.shards {
		for _, j := range journals {
			for i := range j.Postings {
				f.post(j, &j.Postings[i])
			}
			f.noteLeast(j)
		}
	}
	for _, id := range sortedIDs(f.orders) {
		f.orders[id].lead()
		for trade := range f.orders[id].trades {
			t := f.trade(trade)
			t.members = append(t.members, f.orders[id])
		}
	}
	f.followCarried()
	return f
}

func (f *facts) trade(id schemas.ID) *trade {
	if f.trades[id] == nil {
		f.trades[id] = &trade{id: id}
	}
	return f.trades[id]
}

func (f *facts) event(event *ledger.Trade) {
	t := f.trade(event.Trade)
	t.events = append(t.events, event)
	switch event.Event {
	case eventBatched:
		t.batched = event
	case eventPlaced:
		t.placed = event
	case eventPriced:
		t.fills, t.dealt = append(t.fills, event), append(t.dealt, event)
		t.cash += quanta(event.Cash, schemas.MoneyScale)
		t.units += quanta(event.Units, event.UnitsScale)
	case eventCorrected:
		t.correct(event)
	case eventSettled:
		t.settled = event
	case eventRejected:
		t.rejected = event
		if len(t.fills) > 0 {
			t.givenUp, t.cash, t.units = true, 0, 0
		}
	case eventCarried:
		t.carried, t.rejected = event, nil // its orders have not ended
	case eventRestCarried:
		t.restCarried = event
	}
}

// correct puts what is told of a piece anew in the place of what was told.
func (t *trade) correct(event *ledger.Trade) {
	for n, fill := range t.fills {
		if fill.Piece != event.Piece {
			continue
		}
		t.cash += quanta(event.Cash, schemas.MoneyScale) - quanta(fill.Cash, schemas.MoneyScale)
		t.units += quanta(event.Units, event.UnitsScale) - quanta(fill.Units, event.UnitsScale)
		t.fills[n] = event
		t.corrections++
		return
	}
	t.strays++
}

// orderOf returns the order of a posting, which may be one that no instruction names.
func (f *facts) orderOf(id schemas.ID, pot schemas.PotID) *order {
	if f.orders[id] == nil {
		f.orders[id] = &order{id: id, pot: pot, trades: make(map[schemas.ID]bool)}
	}
	return f.orders[id]
}

// post adds a posting to the order that it names.
func (f *facts) post(j *ledger.Journal, p *ledger.Posting) {
	if p.Stage == stageRounded && p.Trade != nil {
		amount := quanta(p.Quantity, p.Scale)
		if p.To != ledger.SchemeRounding {
			amount = -amount
		}
		f.residues[residueKey{*p.Trade, j.Shard, p.Asset == schemas.Cash}] += amount
	}
	if f.pay(p) || f.deliver(j, p) || p.Order == nil || j.Pot == nil {
		return
	}
	o := f.orderOf(*p.Order, *j.Pot)
	o.shard = j.Shard
	o.free(p)
	if p.Stage == stageSwitched && p.CounterOrder != nil {
		o.switchTo(f.orderOf(*p.CounterOrder, *j.Pot), j, p)
		return
	}
	if p.Trade != nil {
		o.trades[*p.Trade] = true
	}
	o.move(p)
	if p.CounterOrder != nil {
		o.backTo(f.orderOf(*p.CounterOrder, *j.Pot), p)
	}
	switch p.Stage {
	case stageReserved:
		o.reserved += p.Quantity
		o.income += incomeIn(j)
		o.noteMade(j, p)
	case stagePriced:
		if p.From == ledger.PotReserved {
			o.given += p.Quantity
		} else {
			o.got += p.Quantity
		}
	case stageReturned, stageRejected:
		o.giveBack(p)
	case stageSwitched:
		o.spent -= p.Quantity // the pot's other cash pays for it
	case stageCancelled:
		o.returned += p.Quantity
		o.cancelled = true
	case stageSettled:
		o.settled += p.Quantity
	case stageReversed:
		o.negate(p)
	}
}

// giveBack follows what goes back of a reservation, and what a corrected sell takes beyond what it had taken. Before there is a trade, it is the buy of a switch
// that is for less, for its sell has brought less.
func (o *order) giveBack(p *ledger.Posting) {
	switch {
	case p.Trade == nil:
		o.reserved -= p.Quantity
	case p.To == ledger.PotReserved:
		o.returned -= p.Quantity
	default:
		o.returned += p.Quantity
	}
}

// move follows the order's own part of the accounts in which things wait.
func (o *order) move(p *ledger.Posting) {
	change := func(account schemas.Account, amount schemas.Quantity) {
		switch account {
		case ledger.PotReserved:
			o.inReserved += amount
		case ledger.PotPending:
			o.inPending += amount
		}
	}
	change(p.From, -p.Quantity)
	change(p.To, p.Quantity)
}

// noteLeast notes what a journal leaves of the orders' own parts. Within it they may be used before they are filled.
func (f *facts) noteLeast(j *ledger.Journal) {
	for i := range j.Postings {
		for _, id := range []*schemas.ID{j.Postings[i].Order, j.Postings[i].CounterOrder} {
			if id == nil || f.orders[*id] == nil {
				continue
			}
			o := f.orders[*id]
			o.leastReserved = min(o.leastReserved, o.inReserved)
			o.leastPending = min(o.leastPending, o.inPending)
		}
	}
}

func sortedIDs[V any](m map[schemas.ID]V) []schemas.ID {
	return slices.SortedFunc(maps.Keys(m), func(a, b schemas.ID) int { return slices.Compare(a[:], b[:]) })
}

// quanta returns a quantity in quanta of the scale; the shape check reports one that is finer.
func quanta(q schemas.Quantity, scale int32) int64 {
	whole, _ := q.Quanta(int(scale))
	return whole
}

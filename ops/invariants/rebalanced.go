package invariants

import (
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
)

const (
	// sourceRebalancing is under what pots tell of re-balancing.
	sourceRebalancing schemas.SourceID = "!rebalance"

	codeUnsettled      schemas.Code = "pot/unsettled"
	codeWithinBands    schemas.Code = "pot/within-bands"
	codeBelowMinimum   schemas.Code = "pot/below-minimum"
	codeNothingToTrade schemas.Code = "pot/nothing-to-trade"
)

// outcome is what a pot told of a run, and what its choice came to on that day.
type outcome struct {
	*status.InstructionStatus
	split []ingest.SplitPart
	day   schemas.Date
	// traded is the journal by which it ordered something.
	traded *ledger.Journal
	// inReview is the cash that the pot's instructions ask for that are held for review.
	inReview schemas.Money
}

// noteRun notes what a pot tells of a run, with the orders that it names.
func (f *facts) noteRun(s *status.InstructionStatus) {
	day := f.choices.days.localDay(s.RecordedAt)
	run := &outcome{InstructionStatus: s, split: f.choices.splitOn(s.Pot, day), day: day, inReview: f.inReview(s.Pot)}
	f.runs = append(f.runs, run)
	for _, id := range s.Orders {
		o := f.orderOf(id, s.Pot)
		o.run, o.made = run, s.RecordedAt
	}
}

// checkRebalanced works out again what each run should have had each pot trade, from what the pot had by its journals.
func (f *facts) checkRebalanced() []*finding {
	c := &finding{number: 24, name: "re-balancing trades what the bands, the minimum and the choice ask for, of what is free, once a day, and else each pot with a choice tells why not"}
	r := &rebalancing{facts: f, finding: c, pots: make(map[schemas.PotID][]*ledger.Journal), scales: make(map[schemas.AssetCode]int32)}
	r.gather()
	type told struct {
		pot schemas.PotID
		run schemas.InstructionID
	}
	seen, days := make(map[told]bool), make(map[schemas.Date]schemas.InstructionID)
	traded, compared := 0, 0
	for _, run := range f.runs {
		key, declared := told{run.Pot, run.ID}, f.choices.days.localDay(run.ReceivedAt)
		if seen[key] {
			c.fail("pot %s tells of run %s twice", run.Pot, run.ID)
		}
		seen[key] = true
		if other, ok := days[declared]; ok && other != run.ID {
			c.fail("runs %s and %s were declared on %s", other, run.ID, declared)
		}
		days[declared] = run.ID
		if run.traded != nil {
			traded++
		}
		if r.check(run) {
			compared++
		}
	}
	r.checkComplete()
	return []*finding{c.on(len(f.runs), "outcomes").on(traded, "of them with trades").on(compared, "worked out again")}
}

// rebalancing is what the outcomes of runs are judged by.
type rebalancing struct {
	*facts
	*finding
	pots   map[schemas.PotID][]*ledger.Journal
	terms  map[operated]*ingest.Rebalancing
	scales map[schemas.AssetCode]int32
	// priced is when each shard first dealt at a close: it had been told that one before.
	priced map[int32]map[priceKey]schemas.Instant
}

// gather puts journals to their pots, and those of runs to what the pots told.
func (r *rebalancing) gather() {
	r.terms, r.priced = make(map[operated]*ingest.Rebalancing), make(map[int32]map[priceKey]schemas.Instant)
	for i := range r.Operations {
		if body, ok := r.Operations[i].Body.(*ingest.Rebalancing); ok {
			r.terms[operated{r.Operations[i].Partition, r.Operations[i].Offset}] = body
		}
	}
	for _, entry := range r.Reference {
		if asset, ok := entry.Body.(*reference.Asset); ok {
			r.scales[asset.Code] = asset.UnitsScale
		}
	}
	for shard := range r.Shards {
		r.priced[shard] = make(map[priceKey]schemas.Instant)
		for _, j := range r.shards[shard] {
			r.notePriced(j)
			if j.Pot == nil {
				continue
			}
			r.pots[*j.Pot] = append(r.pots[*j.Pot], j)
			if j.Topic == streams.IngestOperator && r.terms[operated{j.Partition, j.Offset}] != nil {
				r.lead(j)
			}
		}
	}
}

func (r *rebalancing) notePriced(j *ledger.Journal) {
	for i := range j.Postings {
		p := &j.Postings[i]
		if key := (priceKey{p.Asset, p.EffectiveOn}); p.Stage == stagePriced && p.Asset != schemas.Cash && r.priced[j.Shard][key] == 0 {
			r.priced[j.Shard][key] = j.RecordedAt
		}
	}
}

// lead leads the journal of a run to what the pot told of it: that names its orders.
func (r *rebalancing) lead(j *ledger.Journal) {
	var run *outcome
	if len(j.Postings) > 0 && j.Postings[0].Order != nil {
		run = r.orders[*j.Postings[0].Order].run
	}
	switch {
	case run == nil || run.Pot != *j.Pot:
		r.fail("journal %s orders for a run of which pot %s tells nothing", j.ID, *j.Pot)
	case run.traded != nil:
		r.fail("run %s of pot %s has two journals", run.ID, run.Pot)
	default:
		run.traded = j
	}
}

// check judges one outcome, and says whether it could be worked out again.
func (r *rebalancing) check(run *outcome) bool {
	switch {
	case (run.State == stateAccepted) != (run.traded != nil):
		r.fail("pot %s tells that run %s came to %s, and its journals do not", run.Pot, run.ID, run.State)
		return false
	case run.traded == nil:
		return r.checkUntraded(run)
	}
	terms := r.terms[operated{run.traded.Partition, run.traded.Offset}]
	before := r.before(run.Pot, slices.Index(r.pots[run.Pot], run.traded))
	if before.unsettled {
		if !terms.WhileUnsettled {
			r.fail("pot %s trades in run %s, and something of it is unsettled", run.Pot, run.ID)
		}
		return false // what is on its way counts, and which orders that were the records of this moment do not say
	}
	before.keepBack(run.inReview)
	for _, closes := range r.closes(run, before) {
		if trades, _ := r.plan(run, before, closes, terms); len(trades) > 0 && r.isOrdered(run, trades) {
			return true
		}
	}
	r.fail("pot %s has %s and ordered %d times in run %s, which no closes ask for", run.Pot, before, len(run.Orders), run.ID)
	return false
}

// isOrdered says whether what the journal reserves, and the status names, are the orders of the trades: their ids follow from the run and the trade's place.
func (r *rebalancing) isOrdered(run *outcome, trades []judged) bool {
	leg, n := 0, 0
	id := func() schemas.ID {
		leg++
		return schemas.DeriveID("order", string(sourceRebalancing), string(run.Pot), string(run.ID), run.day.String(), string(rune('a'+leg-1)))
	}
	for _, t := range trades {
		if n >= len(run.traded.Postings) {
			return false
		}
		p := &run.traded.Postings[n]
		n++
		first, asset, account, amount := id(), schemas.Cash, ledger.PotAvailable, ofQuanta(t.cash, schemas.MoneyScale)
		into := first
		if t.from != "" {
			into, asset, account, amount = id(), t.from, ledger.PotSettled, ofQuanta(t.units, r.scales[t.from])
		}
		if p.Order == nil || *p.Order != first || p.Asset != asset || p.From != account || p.To != ledger.PotReserved || p.Quantity != amount || !r.buys(into, t.into) {
			return false
		}
	}
	return n == len(run.traded.Postings) && leg == len(run.Orders)
}

// buys says whether the order, as far as it has come to a trade, is one in the asset.
func (r *rebalancing) buys(id schemas.ID, asset schemas.AssetCode) bool {
	o := r.orders[id]
	if o == nil {
		return false
	}
	for trade := range o.trades {
		if t := r.trades[trade]; t == nil || t.batched == nil || t.batched.Asset != asset {
			return false
		}
	}
	return slices.Contains(o.run.Orders, id)
}

// closes are all combinations of closes that the shard can have had for the last ones of the assets that the pot holds or chose.
func (r *rebalancing) closes(run *outcome, before *possession) []map[schemas.AssetCode]int64 {
	priced := make(map[schemas.AssetCode]schemas.Date)
	for at, first := range r.priced[before.shard] {
		if first <= run.RecordedAt {
			priced[at.asset] = max(priced[at.asset], at.date)
		}
	}
	combined := []map[schemas.AssetCode]int64{{}}
	for _, asset := range before.assets(run.split) {
		candidates := r.closesBetween(asset, priced[asset], run.RecordedAt)
		slices.Sort(candidates)
		var next []map[schemas.AssetCode]int64
		for _, pounds := range slices.Compact(candidates) {
			for _, one := range combined {
				with := map[schemas.AssetCode]int64{asset: pounds}
				for other, price := range one {
					with[other] = price
				}
				next = append(next, with)
			}
		}
		combined = next
	}
	return combined
}

// possession is what a pot has at a moment, in quanta.
type possession struct {
	shard     int32
	cash      int64
	units     map[schemas.AssetCode]int64
	unsettled bool
}

// before is what the pot has before its journal of a number.
func (r *rebalancing) before(pot schemas.PotID, count int) *possession {
	has := make(map[place]schemas.Quantity)
	p := &possession{units: make(map[schemas.AssetCode]int64)}
	for _, j := range r.pots[pot][:count] {
		for i := range j.Postings {
			posting := &j.Postings[i]
			has[placeOf(j, posting.From, posting.Asset)] -= posting.Quantity
			has[placeOf(j, posting.To, posting.Asset)] += posting.Quantity
		}
	}
	for at, amount := range has {
		switch {
		case at.pot != pot || amount == 0:
		case at.account == ledger.PotPending || at.account == ledger.PotReserved:
			p.unsettled = true
		case at.account == ledger.PotAvailable:
			p.cash = quanta(amount, schemas.MoneyScale)
		case at.account == ledger.PotSettled:
			p.units[at.asset] = quanta(amount, r.scales[at.asset])
		}
	}
	if all := r.pots[pot]; len(all) > 0 {
		p.shard = all[0].Shard
	}
	return p
}

// assets are those that the pot holds or chose, by code.
func (p *possession) assets(split []ingest.SplitPart) []schemas.AssetCode {
	var all []schemas.AssetCode
	for asset := range p.units {
		all = append(all, asset)
	}
	for i := range split {
		if !slices.Contains(all, split[i].Asset) {
			all = append(all, split[i].Asset)
		}
	}
	slices.Sort(all)
	return all
}

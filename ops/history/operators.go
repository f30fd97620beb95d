package history

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/streams"
)

// operator is who does by hand what somebody must.
const operator schemas.SourceID = "ann"

// secondPolicy is the version of the rule that shares fills after the one that holds where nobody says otherwise.
const secondPolicy = "floor-and-box/2"

// closeOn names the close of an asset on a day.
type closeOn struct {
	asset int
	day   schemas.Date
}

// operated is what operators have done in a world.
type operated struct {
	// right are the closes that were corrected, in the trust's currency.
	right map[closeOn]schemas.Price
	// givingUp are the trades whose settlement failed and is given up tonight.
	givingUp []*delivery
	// accruedThrough is the last day for which the annual charge has accrued, 0 before the first.
	accruedThrough schemas.Date
	// splitOf is the asset of which units are split, and splitOn the day; empty and 0 where none are.
	splitOf schemas.AssetCode
	splitOn schemas.Date
	// scheduledFrom is from when the annual charge may accrue by the calendar, 0 where it never does.
	scheduledFrom schemas.Date
}

// operates says whether operators act that evening. What they do must come to its end, so they stop some days after the last instructions.
func (w *World) operates(today schemas.Date) bool { return w.Operators && today <= w.gatedThrough() }

// Announced says whether something was announced for a day that has not come.
func (w *World) Announced() bool { return schemas.Instant(w.splitOn)*day > w.Now }

// declare does what an operator does, under an id that is the same in every run, and lets the pipeline come to rest: what operators do, and what others do on the
// same evening, are in no order but this one.
func (w *World) declare(id string, body ingest.OperationBody) error {
	w.Send(streams.IngestOperator, string(operator), &ingest.Operation{Operator: operator, ID: id, Reason: "as agreed", Body: body})
	return w.Run()
}

// isRefused says whether what an operator did was refused.
func (w *World) isRefused(id string) bool {
	rejections := Decoded(w.Topic(streams.AuditRejection), streams.AuditRejection, func() *audit.Rejection { return new(audit.Rejection) })
	return slices.ContainsFunc(rejections, func(r *audit.Rejection) bool { return r.Source == operator && r.ID == id })
}

// priceOf is the close as confirmations carry it: the right one where it was corrected.
func (w *World) priceOf(asset int, day schemas.Date) schemas.Price {
	if price, corrected := w.right[closeOn{asset, day}]; corrected {
		return price
	}
	return w.pounds(asset, day)
}

// corrections corrects closes of this day and of those before it, by up to a tenth, some of them more than once. Now and then somebody corrects a close that is none.
func (w *World) corrections(today schemas.Date) error {
	if err := w.giveUps(today); err != nil || !w.operates(today) {
		return err
	}
	for n, asset := range Assets() {
		about := func(sides, what uint64) uint64 { return w.dice(sides, aboutCorrection, uint64(n), uint64(today), what) } //nolint:gosec // after 1970
		on := closeOn{n, today - schemas.Date(about(3, 1))}                                                                //nolint:gosec // few
		if on.day < Monday || about(3, 0) > 0 {
			continue
		}
		grain := schemas.Price(schemas.Power10(schemas.PriceScale - int(asset.PriceScale)))
		if asset.Quotation == reference.QuotationPence {
			grain /= 100
		}
		wrong := w.priceOf(n, on.day)
		right := (wrong + wrong*(schemas.Price(about(200, 2))-100)/1000) / grain * grain //nolint:gosec // few
		correction := ingest.PriceCorrection{Asset: asset.Code, Date: on.day, Old: wrong, New: right}
		id := fmt.Sprintf("correct-%s-%s", asset.Code, today)
		if err := w.declare(id, &correction); err != nil {
			return err
		}
		if !w.isRefused(id) {
			if w.right == nil {
				w.right = make(map[closeOn]schemas.Price)
			}
			w.right[on] = right
		}
		if about(4, 3) == 0 {
			if err := w.declare(id+"-again", &correction); err != nil { // what is to be corrected is no close any more
				return err
			}
		}
	}
	return nil
}

// isGivenUp says whether nobody waits any longer for a trade to settle that failed to.
func (w *World) isGivenUp(d *delivery) bool {
	goesOn := Assets()[assetNumber(d.Asset)].Rejection == reference.RejectionPolicyRequeue
	return w.Rare && !goesOn && w.dice(2, aboutGivingUp, numberOf(d.Trade)) == 0
}

// giveUps gives up settlements. Some of the trades settle after all, which is a break.
func (w *World) giveUps(today schemas.Date) error {
	for _, d := range w.givingUp {
		if err := w.declare("give-up-"+d.Trade.String(), &ingest.SettlementGiveUp{Trade: d.Trade}); err != nil {
			return err
		}
		if w.dice(3, aboutGivingUp, numberOf(d.Trade), 1) > 0 {
			continue
		}
		w.Confirm([]*ingest.Confirmation{{Custodian: d.Custodian, ID: "settled", Trade: d.Trade, Body: &ingest.TradeSettled{SettledOn: today}}})
		if err := w.Run(); err != nil {
			return err
		}
	}
	w.givingUp = nil
	return nil
}

// charges takes a flat fee, lets the annual charge accrue, or takes what has accrued of it.
func (w *World) charges(today schemas.Date) error {
	if !w.operates(today) {
		return nil
	}
	about := func(sides, what uint64) uint64 { return w.dice(sides, aboutCharge, uint64(today), what) } //nolint:gosec // after 1970
	switch about(5, 0) {
	case 0:
		return w.declare(fmt.Sprintf("fee-%s", today), &ingest.FlatFee{Cash: 1 + schemas.Money(about(500, 1)), Floor: 100_00, Dated: today}) //nolint:gosec // few
	case 1:
		from := max(w.accruedThrough+1, Monday)
		if w.scheduledFrom > 0 && w.scheduledFrom < today {
			from = today // what was before has accrued by itself
		}
		if from > today {
			return nil
		}
		w.accruedThrough = today
		return w.declare(fmt.Sprintf("accrue-%s", today), &ingest.ChargeAccrual{From: from, Through: today, Rate: schemas.WeightOne / 10})
	case 2:
		return w.declare(fmt.Sprintf("collect-%s", today), &ingest.ChargeCollection{Dated: today, ByUnits: w.Rare && about(2, 2) == 0})
	}
	return nil
}

// distributions gives income to who holds units of an asset, some of it of a day before.
func (w *World) distributions(today schemas.Date) error {
	for _, rarely := range []func(schemas.Date) error{w.split, w.activate, w.schedule, w.rebalance} {
		if err := rarely(today); err != nil {
			return err
		}
	}
	about := func(sides, what uint64) uint64 { return w.dice(sides, aboutIncome, uint64(today), what) } //nolint:gosec // after 1970
	if !w.operates(today) || about(4, 0) > 0 {
		return nil
	}
	return w.declare(fmt.Sprintf("income-%s", today), &ingest.Distribution{
		Asset: Assets()[about(assetsCount, 1)].Code, Cash: 1 + schemas.Money(about(5000, 2)), EffectiveOn: today - schemas.Date(about(3, 3)), //nolint:gosec // few
		Reinvest: w.Rare && about(2, 4) == 0,
	})
}

// split announces on the first evening, now and then, that the units of an asset are split or put together, or that it is merged into another.
func (w *World) split(today schemas.Date) error {
	if !w.Rare || today != Monday || w.dice(4, aboutSplit) > 0 {
		return nil
	}
	ratio := [][2]int64{{2, 1}, {3, 2}, {10, 1}, {1, 3}}[w.dice(4, aboutSplit, 1)]
	asset := w.dice(assetsCount, aboutSplit, 2)
	w.splitOf, w.splitOn = Assets()[asset].Code, today+3
	if w.dice(3, aboutSplit, 3) == 0 {
		into := Assets()[(asset+1)%assetsCount].Code
		return w.declare("merger", &ingest.FundMerger{Asset: w.splitOf, Into: into, On: w.splitOn, Numerator: ratio[0], Denominator: ratio[1]})
	}
	return w.declare("split", &ingest.UnitSplit{Asset: w.splitOf, On: w.splitOn, Numerator: ratio[0], Denominator: ratio[1]})
}

// activate starts another version of the rule that shares fills, now and then, on the second evening.
func (w *World) activate(today schemas.Date) error {
	if !w.Rare || today != Monday+1 || w.dice(3, aboutRule) > 0 {
		return nil
	}
	return w.declare("rule", &ingest.RuleActivation{Rule: "allocation", Version: secondPolicy})
}

// schedule announces on the first evening, now and then, that the annual charge accrues by the calendar, and on the third that it does otherwise.
func (w *World) schedule(today schemas.Date) error {
	about := func(sides, what uint64) uint64 { return w.dice(sides, aboutSchedule, what, uint64(today)) } //nolint:gosec // after 1970
	if !w.Rare || w.dice(2, aboutSchedule) > 0 || today != Monday && (today != Monday+2 || about(2, 0) > 0) {
		return nil
	}
	row := reference.AnnualCharge{
		EffectiveFrom: today + 1 + schemas.Date(about(2, 1)), Rate: schemas.WeightOne / 10, //nolint:gosec // few
		CollectionDay: int32(19 + about(6, 2)), ByUnits: about(2, 3) == 0, //nolint:gosec // a day of March
	}
	w.Send(streams.IngestReference, "reference", &ingest.ReferenceData{Source: "reference", ID: fmt.Sprintf("charge-%s", today), Entry: reference.Entry{Body: &row}})
	w.scheduledFrom = max(w.scheduledFrom, Monday+1)
	return w.Run()
}

// reversals reverses journals by which pots were paid or charged, some twice.
func (w *World) reversals(today schemas.Date) error {
	if !w.operates(today) {
		return nil
	}
	for p := range Pots - 2 {
		about := func(sides, what uint64) uint64 { return w.dice(sides, aboutReversal, uint64(p), uint64(today), what) } //nolint:gosec // few
		if about(8, 0) > 0 {
			continue
		}
		journals := w.reversible(PotName(p))
		if len(journals) == 0 {
			continue
		}
		reversal := ingest.JournalReversal{Pot: PotName(p), Journal: journals[about(uint64(len(journals)), 1)]}
		for again := range 1 + about(2, 2) {
			if err := w.declare(fmt.Sprintf("reverse-%d-%s-%d", p, today, again), &reversal); err != nil {
				return err
			}
		}
	}
	return nil
}

// reversible are the journals that paid cash into a pot or charged it, in an order that no schedule changes.
func (w *World) reversible(pot schemas.PotID) []schemas.ID {
	var found []schemas.ID
	for _, j := range Decoded(w.Topic(streams.LedgerJournal), streams.LedgerJournal, func() *ledger.Journal { return new(ledger.Journal) }) {
		if j.Pot != nil && *j.Pot == pot && slices.ContainsFunc(j.Postings, func(p ledger.Posting) bool {
			return slices.Contains([]string{"contributed", "charged", "attributed", "distributed", "compensated"}, p.Stage)
		}) {
			found = append(found, j.ID)
		}
	}
	slices.SortFunc(found, func(a, b schemas.ID) int { return slices.Compare(a[:], b[:]) })
	return found
}

// leavings lets members take all that they have elsewhere, or close what they have.
func (w *World) leavings(today schemas.Date) error {
	if !w.operates(today) {
		return nil
	}
	for p := range Pots - 2 {
		i := &ingest.Instruction{Source: "portal", Pot: PotName(p), InstructedOn: today, ID: schemas.InstructionID(fmt.Sprintf("leave-%s", today))}
		switch w.dice(8, aboutLeaving, uint64(p), uint64(today)) { //nolint:gosec // few
		case 0:
			i.Body = &ingest.TransferOut{Receiver: "other-trust"}
		case 1:
			i.Body = &ingest.Close{}
		default:
			continue
		}
		w.Instruct(i)
	}
	return nil
}

package dealing

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// assetsOf returns the assets that an event concerns: the one that is held first.
func assetsOf(o *ingest.Operation) []schemas.AssetCode {
	switch body := o.Body.(type) {
	case *ingest.Distribution:
		return []schemas.AssetCode{body.Asset}
	case *ingest.UnitSplit:
		return []schemas.AssetCode{body.Asset}
	case *ingest.FundMerger:
		return []schemas.AssetCode{body.Asset, body.Into}
	}
	panic(fmt.Sprintf("dealing: %T is no event of an asset", o.Body))
}

// advance begins a count of each event that may have one: no earlier event concerns its assets, no trade in them is to be worked out again at a corrected
// close, which would change what is counted, its day has come, and no count is under way. Whoever holds units when they are counted takes part.
func (d *dealing) advance(r *Reference, next *state.DealingReference, outs []streams.Out) []streams.Out {
	next.Events = slices.Clone(next.Events)
	taken := make(map[schemas.AssetCode]bool)
	for i := range next.Correcting {
		taken[next.Correcting[i].Asset] = true
	}
	for i := range next.Events {
		e := &next.Events[i]
		free := true
		for _, asset := range assetsOf(&e.Operation) {
			free = free && !taken[asset]
			taken[asset] = true
		}
		if !free || d.isCounting(e) || e.Round > 0 && !e.Again || !r.hasCome(next.Announced, &e.Operation) {
			continue
		}
		e.Round, e.Again, e.Totals = e.Round+1, false, nil
		body := &inbox.HoldingsCounted{Event: e.Number, Round: e.Round, Asset: assetsOf(&e.Operation)[0]}
		body.Merged = mergedInto(next.Merged, body.Asset)
		outs = tellAll(outs, d.shards, eventID(e.Number, "counted", strconv.Itoa(int(e.Round))), &e.Cause, body)
	}
	return outs
}

// mergedInto returns the assets that were merged into one, at once or one after another. What was merged into a later one of them is noted before it.
func mergedInto(merged []state.MergedAsset, into schemas.AssetCode) []schemas.AssetCode {
	all := []schemas.AssetCode{into}
	for _, m := range slices.Backward(merged) {
		if slices.Contains(all, m.Into) {
			all = append(all, m.Asset)
		}
	}
	return all[1:]
}

// isCounting says whether totals of the event's last count are still to come.
func (d *dealing) isCounting(e *state.DeclaredEvent) bool {
	return e.Round > 0 && len(e.Totals) < int(d.shards)
}

// hasCome says whether every day on which the asset dealt before the event is over in all shards.
func (r *Reference) hasCome(announced schemas.Instant, o *ingest.Operation) bool {
	if !isAnnounced(o) {
		return true
	}
	on, _ := dateOf(o)
	today, ready := r.LocalDate(announced)
	return ready && today >= on
}

// countAgain has the events that found unfinished orders counted once more: one may have ended meanwhile.
func (d *dealing) countAgain(r *Reference, next *state.DealingReference, outs []streams.Out) []streams.Out {
	askAgain(next)
	return d.advance(r, next, outs)
}

// askAgain notes that the events which found unfinished orders are to be counted once more.
func askAgain(next *state.DealingReference) {
	next.Events = slices.Clone(next.Events)
	for i := range next.Events {
		if e := &next.Events[i]; e.Round > 0 && isAnnounced(&e.Operation) {
			e.Again = true
		}
	}
}

// pays says whether a distribution on the asset is being counted. Until it is paid no pot may get units of the asset, or give any: what it is paid for is
// what it holds when it is paid.
func (r *Reference) pays(asset schemas.AssetCode) bool {
	return slices.ContainsFunc(r.stored.Events, func(e state.DeclaredEvent) bool {
		return e.Round > 0 && !isAnnounced(&e.Operation) && assetsOf(&e.Operation)[0] == asset
	})
}

// isHalted says whether no order of the asset may be for the day: it is split or merged from then on, or has been merged.
func (r *Reference) isHalted(asset schemas.AssetCode, day schemas.Date) bool {
	for i := range r.stored.Events {
		if o := &r.stored.Events[i].Operation; isAnnounced(o) && assetsOf(o)[0] == asset {
			on, _ := dateOf(o)
			return day >= on
		}
	}
	return slices.Contains(r.stored.Ended, asset)
}

// eventTotal adds what one shard holds. With the last one the event is done, or waits until all orders of the asset are finished.
func (d *dealing) eventTotal(place streams.Place, r *Reference, cause *inbox.Cause, m *inbox.EventTotal) (*state.DealingReference, []streams.Out) {
	at := slices.IndexFunc(r.stored.Events, func(e state.DeclaredEvent) bool { return e.Number == m.Event && e.Round == m.Round })
	if at < 0 || slices.ContainsFunc(r.stored.Events[at].Totals, func(s state.EventShare) bool { return s.Shard == m.Shard }) {
		return r.stored, nil // told again
	}
	next := *r.stored
	next.Events = slices.Clone(r.stored.Events)
	e := &next.Events[at]
	e.Totals = append(slices.Clone(e.Totals), state.EventShare{
		Shard: m.Shard, Weight: m.Weight, Rounding: m.Rounding, Compensation: m.Compensation, Open: m.Open,
	})
	if d.isCounting(e) {
		return &next, nil
	}
	slices.SortFunc(e.Totals, func(a, b state.EventShare) int { return int(a.Shard - b.Shard) })
	open := slices.ContainsFunc(e.Totals, func(s state.EventShare) bool { return s.Open > 0 })
	if open && isAnnounced(&e.Operation) {
		return &next, d.advance(r, &next, d.passUnitsOn(&next))
	}
	outs := d.complete(place, r, e)
	noteConverted(&next, e)
	next.Events = slices.Delete(next.Events, at, at+1)
	outs = d.advance(r, &next, append(outs, d.passUnitsOn(&next)...))
	return &next, append(outs, flushOut(cause))
}

// complete does an event of which all is counted.
func (d *dealing) complete(place streams.Place, r *Reference, e *state.DeclaredEvent) []streams.Out {
	bounds, err := boundsOf(e.Totals)
	whole := bounds[len(bounds)-1]
	if err != nil || whole <= 0 && !isAnnounced(&e.Operation) {
		why := refusal{codeNoHoldings, fmt.Sprintf("nobody holds %s, or more is held than can be said", assetsOf(&e.Operation)[0])}
		return []streams.Out{rejectionOut(place, &e.Cause, why)}
	}
	outs := make([]streams.Out, 0, d.shards)
	for i := range e.Totals {
		t := &e.Totals[i]
		var body inbox.PotBody
		switch operation := e.Operation.Body.(type) {
		case *ingest.Distribution:
			body = &inbox.IncomeDistributed{
				Event: e.Number, Asset: operation.Asset, Custodian: r.Asset(operation.Asset, operation.EffectiveOn).Custodian, Cash: operation.Cash,
				Weight: whole, WeightBefore: bounds[i], WeightThrough: bounds[i+1], Rounding: t.Rounding, Compensation: t.Compensation,
				EffectiveOn: operation.EffectiveOn, Reinvest: operation.Reinvest,
			}
		case *ingest.UnitSplit:
			body = r.conversion(e, t, operation.Asset, operation.Numerator, operation.Denominator, bounds[i], bounds[i+1])
		case *ingest.FundMerger:
			body = r.conversion(e, t, operation.Into, operation.Numerator, operation.Denominator, bounds[i], bounds[i+1])
		}
		outs = append(outs, tell(t.Shard, eventID(e.Number), &e.Cause, body))
	}
	return salted(outs, &e.Cause)
}

// conversion tells a shard what its units become, in quanta of both assets.
func (r *Reference) conversion(e *state.DeclaredEvent, t *state.EventShare, into schemas.AssetCode, numerator, denominator, before, through int64) *inbox.AssetConverted {
	on, _ := dateOf(&e.Operation)
	from, to := r.Asset(assetsOf(&e.Operation)[0], on), r.Asset(into, on)
	numerator *= schemas.Power10(int(to.UnitsScale))
	denominator *= schemas.Power10(int(from.UnitsScale))
	common := divisor(numerator, denominator)
	return &inbox.AssetConverted{
		Event: e.Number, Asset: from.Code, Custodian: from.Custodian, UnitsScale: from.UnitsScale,
		Into: to.Code, IntoCustodian: to.Custodian, IntoScale: to.UnitsScale, Numerator: numerator / common, Denominator: denominator / common,
		WeightBefore: before, WeightThrough: through, Rounding: t.Rounding, Compensation: t.Compensation, EffectiveOn: on,
	}
}

// divisor returns the greatest common divisor of two positive numbers.
func divisor(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// boundsOf returns the running sums of all that the shards hold, beginning with nothing.
func boundsOf(totals []state.EventShare) ([]int64, error) {
	bounds := make([]int64, 1, len(totals)+1)
	for i := range totals {
		sum := bounds[i]
		for _, part := range []int64{totals[i].Weight, totals[i].Rounding, totals[i].Compensation} {
			var err error
			if sum, err = schemas.AddChecked(sum, part); err != nil {
				return bounds, fmt.Errorf("adding up what shards hold: %w", err)
			}
		}
		bounds = append(bounds, sum)
	}
	return bounds, nil
}

package invariants_test

import (
	"slices"
	"testing"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

func isCorrected(e *ledger.Trade) bool { return e.Event == "corrected" && e.Units > 0 }

// inCorrection tells a lie of the first posting that is as is asked in a journal that works a batch out again.
func inCorrection(is func(*ledger.Posting) bool, change func(*ledger.Posting)) func(*invariants.Input) bool {
	return func(in *invariants.Input) bool {
		for _, j := range in.Journals {
			if !slices.ContainsFunc(j.Postings, func(p ledger.Posting) bool { return p.Reverses != nil && p.Trade != nil }) {
				continue
			}
			for i := range j.Postings {
				if is(&j.Postings[i]) {
					change(&j.Postings[i])
					return true
				}
			}
		}
		return false
	}
}

// without tells a lie by leaving out a posting of the stage, and the stages of its kin.
func without(stages ...string) func(*invariants.Input) bool {
	return func(in *invariants.Input) bool {
		for _, j := range in.Journals {
			before := len(j.Postings)
			if j.Postings = slices.DeleteFunc(j.Postings, func(p ledger.Posting) bool { return slices.Contains(stages, p.Stage) }); len(j.Postings) < before {
				return true
			}
		}
		return false
	}
}

// tellsMore adds a quantum of cash or units to what is told anew of a piece of the given kind.
func tellsMore(side ledger.TradeSide, basis ledger.TradeBasis) func(*invariants.Input) bool {
	return event(func(e *ledger.Trade) bool { return isCorrected(e) && e.Side == side && e.Basis == basis }, func(e *ledger.Trade) {
		if basis == ledger.TradeBasisUnits {
			e.Cash += penny
			return
		}
		e.Units += schemas.Quantity(schemas.Power10(schemas.QuantityScale - int(e.UnitsScale)))
	})
}

// isGivenUp says whether the posting is of a trade that was rejected after it was dealt.
func isGivenUp(in *invariants.Input, p *ledger.Posting) bool {
	return p.Trade != nil && wasDealt(in, *p.Trade) && slices.ContainsFunc(in.Trades, func(e *ledger.Trade) bool { return e.Trade == *p.Trade && e.Event == "rejected" })
}

func liesOfCorrections() []lie {
	ofMember := func(stage string) func(*ledger.Posting) bool {
		return func(p *ledger.Posting) bool { return p.Stage == stage && p.Order != nil && p.CounterOrder == nil }
	}
	ofShard := func(_ *invariants.Input, p *ledger.Posting) bool {
		return p.Stage == "rounded" && p.Trade != nil && p.Order == nil
	}
	return []lie{
		{25, "a corrected buy gets a quantum more", tellsMore(ledger.TradeSideBuy, ledger.TradeBasisCash)},
		{25, "a corrected sell of units brings a penny more", tellsMore(ledger.TradeSideSell, ledger.TradeBasisUnits)},
		{25, "a corrected sell for cash takes a quantum more", tellsMore(ledger.TradeSideSell, ledger.TradeBasisCash)},
		{25, "nobody corrected the price", func(in *invariants.Input) bool {
			before := len(in.Operations)
			in.Operations = slices.DeleteFunc(in.Operations, func(o invariants.Operation) bool { _, ok := o.Body.(*ingest.PriceCorrection); return ok })
			return len(in.Operations) < before && slices.ContainsFunc(in.Trades, isCorrected)
		}},
		{25, "one piece keeps the price that was wrong", func(in *invariants.Input) bool {
			for _, e := range slices.Backward(in.Trades) { // a later correction would make up for it
				if isCorrected(e) && e.Piece == 2 {
					e.Event = "mended"
					return true
				}
			}
			return false
		}},
		{25, "a correction goes back to an earlier version of the price", func(in *invariants.Input) bool {
			for _, e := range in.Trades {
				if isCorrected(e) && e.PriceVersion > 2 {
					e.PriceVersion = 1
					return true
				}
			}
			return false
		}},
		{25, "what was wrong is negated on another day", inCorrection(ofMember("reversed"), func(p *ledger.Posting) { p.EffectiveOn++ })},
		{25, "what is right is booked on another day", inCorrection(ofMember("priced"), func(p *ledger.Posting) { p.EffectiveOn++ })},
		{25, "what is right is booked with a quantum more", inCorrection(ofMember("priced"), func(p *ledger.Posting) { p.Quantity += quantum(p) })},
		{25, "what is right settles on another day", inCorrection(ofMember("settled"), func(p *ledger.Posting) { p.EffectiveOn-- })},
		{25, "what rounding leaves of a corrected trade is of another day", posting(func(in *invariants.Input, p *ledger.Posting) bool {
			return ofShard(in, p) && slices.ContainsFunc(in.Trades, func(e *ledger.Trade) bool { return isCorrected(e) && e.Trade == *p.Trade })
		}, func(p *ledger.Posting) { p.EffectiveOn++ })},
		{25, "what the scheme lends is never repaid", without("repaid")},
		{25, "the scheme lends where nothing is taken", func(in *invariants.Input) bool {
			is := func(stage string) func(ledger.Posting) bool {
				return func(p ledger.Posting) bool { return p.Stage == stage }
			}
			for _, j := range in.Journals {
				if slices.ContainsFunc(j.Postings, is("lent")) {
					before := len(j.Postings)
					j.Postings = slices.DeleteFunc(slices.DeleteFunc(j.Postings, is("reversed")), is("switched"))
					return len(j.Postings) < before
				}
			}
			return false
		}},
		{25, "the scheme makes good what nobody corrected", posting(func(_ *invariants.Input, p *ledger.Posting) bool { return p.Stage == "compensated" }, func(p *ledger.Posting) {
			other := schemas.DeriveID("lie")
			p.Trade = &other
		})},
		{15, "a share of a trade that was given up is not negated", posting(func(in *invariants.Input, p *ledger.Posting) bool {
			return p.Stage == "reversed" && p.Order != nil && isGivenUp(in, p)
		}, func(p *ledger.Posting) { p.Quantity -= quantum(p) })},
		{3, "a posting is negated that stands nowhere", inCorrection(ofMember("reversed"), func(p *ledger.Posting) { p.Quantity += quantum(p) })},
	}
}

// TestJudgesOfCorrectionsNoticeLies tells each lie of the first history that it can be told of.
func TestJudgesOfCorrectionsNoticeLies(t *testing.T) { tellAll(t, liesOfCorrections()) }

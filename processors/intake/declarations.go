package intake

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// Bounds of what an operator may declare. More is taken for a mistake.
const (
	// feeMax is the most that a flat fee may take from each pot.
	feeMax schemas.Money = 1_000_00
	// chargeRateMax is the highest annual charge: a tenth of a pot's value.
	chargeRateMax = schemas.WeightOne / 10
	// accrualDaysMax is the longest period for which a charge accrues at once.
	accrualDaysMax = 31
	// monthDaysMax is the last day of the longest month.
	monthDaysMax = 31
	// ratioMax is the greatest term of a ratio of units.
	ratioMax = 1_000_000
	// tradeMin is the least minimum of a re-balancing's trades: below it, rounding would be a part of them that counts.
	tradeMin schemas.Money = 1_00
	// tradeMax is the greatest one.
	tradeMax schemas.Money = 1_000_000_00
)

// checkDeclaration refuses an event on pots or assets of which the terms cannot be meant.
func checkDeclaration(o *ingest.Operation) refusal {
	switch body := o.Body.(type) {
	case *ingest.FlatFee:
		if body.Floor < 0 {
			return refusal{codeBadTerms, "floor is below zero"}
		}
		return cash("cash", body.Cash, feeMax)
	case *ingest.ChargeAccrual:
		return checkAccrual(body)
	case *ingest.Distribution:
		return first(identifier("asset", body.Asset), cash("cash", body.Cash, fillCashMax))
	case *ingest.UnitSplit:
		if body.Numerator == body.Denominator {
			return refusal{codeBadTerms, "a split by 1 changes nothing"}
		}
		return first(identifier("asset", body.Asset), ratio(body.Numerator, body.Denominator))
	case *ingest.FundMerger:
		if body.Asset == body.Into {
			return refusal{codeBadTerms, "an asset cannot be merged into itself"}
		}
		return first(identifier("asset", body.Asset), identifier("into", body.Into), ratio(body.Numerator, body.Denominator))
	case *ingest.Rebalancing:
		return checkRebalancing(body)
	}
	return refusal{}
}

// makesOrders says whether orders may come of the declaration in pots.
func makesOrders(o *ingest.Operation) bool {
	switch body := o.Body.(type) {
	case *ingest.Distribution:
		return body.Reinvest
	case *ingest.ChargeCollection:
		return body.ByUnits
	case *ingest.Rebalancing:
		return true
	}
	return false
}

func checkRebalancing(r *ingest.Rebalancing) refusal {
	if r.Absolute == nil && r.Relative == nil {
		return refusal{codeBadTerms, "a re-balancing has an absolute band, a relative one or both"}
	}
	for _, band := range []*schemas.Weight{r.Absolute, r.Relative} {
		if band != nil && (*band < 0 || *band > schemas.WeightOne) {
			return refusal{codeBadTerms, fmt.Sprintf("a band is from 0 to 1, not %s", *band)}
		}
	}
	if r.Minimum < tradeMin {
		return refusal{codeBadTerms, fmt.Sprintf("minimum is %s, at least %s is accepted", r.Minimum, tradeMin)}
	}
	return cash("minimum", r.Minimum, tradeMax)
}

func checkAccrual(a *ingest.ChargeAccrual) refusal {
	if a.Through < a.From || a.Through-a.From >= accrualDaysMax {
		return refusal{codeBadTerms, fmt.Sprintf("a period has 1 to %d days, not from %s through %s", accrualDaysMax, a.From, a.Through)}
	}
	if a.Rate > chargeRateMax {
		return refusal{codeBadTerms, fmt.Sprintf("rate is %s, at most %s is accepted", a.Rate, chargeRateMax)}
	}
	return positive("rate", a.Rate)
}

func checkAnnualCharge(c *reference.AnnualCharge) refusal {
	if c.Rate < 0 || c.Rate > chargeRateMax {
		return refusal{codeBadTerms, fmt.Sprintf("rate is %s, 0 to %s is accepted", c.Rate, chargeRateMax)}
	}
	if c.CollectionDay < 0 || c.CollectionDay > monthDaysMax {
		return refusal{codeBadTerms, fmt.Sprintf("day of collection is %d, a month has 1 to %d, and 0 is its first open one", c.CollectionDay, monthDaysMax)}
	}
	return refusal{}
}

func ratio(numerator, denominator int64) refusal {
	if numerator > ratioMax || denominator > ratioMax {
		return refusal{codeBadTerms, fmt.Sprintf("the terms of a ratio are at most %d", ratioMax)}
	}
	return first(positive("numerator", numerator), positive("denominator", denominator))
}

package invariants

import (
	"fmt"
	"math/big"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

// judged is a trade as it should be: from an asset, or from cash where none is named, into another.
type judged struct {
	from, into  schemas.AssetCode
	units, cash int64
}

// verdict is why nothing should be traded.
type verdict int

const (
	trades verdict = iota
	worthNothing
	withinBands
	belowMinimum
)

// stock is what a pot has of one asset, and should have.
type stock struct {
	asset                schemas.AssetCode
	weight, units, price int64
	// fraction is how many quanta of units times quanta of price are worth a penny.
	fraction int64
	// bought is what of the units is only bought by the run itself, and so not free.
	bought int64
	target int64
}

func (p *possession) String() string { return fmt.Sprintf("%d pence and %v", p.cash, p.units) }

// ratio is floor(a*b/c), of whatever size.
func ratio(a, b, c int64) int64 {
	product := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
	return product.Quo(product, big.NewInt(c)).Int64()
}

func (s *stock) value() int64 { return ratio(s.units, s.price, s.fraction) }

// plan works out what a run should trade, in its own way: of what each asset has too much, laid end to end, and of what each has too little, the overlaps are the trades. What rounding
// leaves is looked at again until nothing more comes of it.
func (r *rebalancing) plan(run *outcome, has *possession, closes map[schemas.AssetCode]int64, terms *ingest.Rebalancing) ([]judged, verdict) {
	var stocks []*stock
	for _, asset := range has.assets(run.split) {
		s := &stock{asset: asset, units: has.units[asset], price: closes[asset], fraction: schemas.Power10(schemas.PriceScale - schemas.MoneyScale + int(r.scales[asset]))}
		for i := range run.split {
			if run.split[i].Asset == asset {
				s.weight = int64(run.split[i].Weight)
			}
		}
		stocks = append(stocks, s)
	}
	cash := int64(0)
	if terms.InvestCash {
		cash = has.cash
	}
	var all []judged
	const roundsMax = 50
	for range roundsMax {
		more, why := overlaps(stocks, cash, terms)
		if len(more) == 0 {
			if len(all) > 0 {
				why = trades
			}
			return all, why
		}
		all = united(all, more)
		stocks, cash = afterwards(stocks, all, has, terms)
	}
	return all, trades
}

// overlaps is one look at what is too much and too little.
func overlaps(stocks []*stock, cash int64, terms *ingest.Rebalancing) ([]judged, verdict) {
	whole := cash
	for _, s := range stocks {
		whole += s.value()
	}
	if whole == 0 {
		return nil, worthNothing
	}
	through, out, far := int64(0), false, false
	for _, s := range stocks {
		s.target = ratio(whole, through+s.weight, int64(schemas.WeightOne)) - ratio(whole, through, int64(schemas.WeightOne))
		through += s.weight
		off := abs(s.target - s.value())
		if isOut(s, whole, off, terms) {
			out, far = true, far || off >= int64(terms.Minimum)
		}
	}
	switch {
	case !out:
		return nil, withinBands
	case !far:
		return nil, belowMinimum
	}
	sources := append([]*stock{nil}, stocks...)
	var found []judged
	end := int64(0)
	for _, from := range sources {
		start, left := end, int64(0)
		if from == nil {
			end += cash
		} else {
			end += max(0, from.value()-from.target)
			left = from.units - from.bought
		}
		found = append(found, overlapping(stocks, from, start, end, left, int64(terms.Minimum))...)
	}
	return found, belowMinimum
}

// overlapping are the trades out of one source, whose excess lies from start to end.
func overlapping(stocks []*stock, from *stock, start, end, left, minimum int64) []judged {
	var found []judged
	at := int64(0)
	for _, into := range stocks {
		low := at
		at += max(0, into.target-into.value())
		piece := min(at, end) - max(low, start)
		if piece <= 0 {
			continue
		}
		t := judged{into: into.asset, cash: piece}
		if from != nil {
			t.from, t.units = from.asset, min(left, ratio(piece, from.fraction, from.price))
			t.cash = ratio(t.units, from.price, from.fraction)
		}
		if t.cash >= minimum && ratio(t.cash, into.fraction, into.price) > 0 {
			left -= t.units
			found = append(found, t)
		}
	}
	return found
}

// isOut says whether a value is off its weight or its target by more than a band.
func isOut(s *stock, whole, off int64, terms *ingest.Rebalancing) bool {
	if terms.Relative != nil {
		most := new(big.Int).Mul(big.NewInt(s.target), big.NewInt(int64(*terms.Relative)))
		if new(big.Int).Mul(big.NewInt(off), big.NewInt(int64(schemas.WeightOne))).Cmp(most) > 0 {
			return true
		}
	}
	if terms.Absolute == nil {
		return false
	}
	part := new(big.Int).Mul(big.NewInt(s.value()), big.NewInt(int64(schemas.WeightOne)))
	part.Sub(part, new(big.Int).Mul(big.NewInt(s.weight), big.NewInt(whole)))
	return part.CmpAbs(new(big.Int).Mul(big.NewInt(int64(*terms.Absolute)), big.NewInt(whole))) > 0
}

// united adds trades to others: what goes the same way is one, in the order of what it comes from and goes into.
func united(all, more []judged) []judged {
	for _, t := range more {
		at := 0
		for at < len(all) && (all[at].from < t.from || all[at].from == t.from && all[at].into < t.into) {
			at++
		}
		if at < len(all) && all[at].from == t.from && all[at].into == t.into {
			all[at].units += t.units
			all[at].cash += t.cash
			continue
		}
		all = append(all[:at:at], append([]judged{t}, all[at:]...)...)
	}
	return all
}

// afterwards is what there is once the trades are dealt at the same closes, and the cash that is left to invest.
func afterwards(before []*stock, all []judged, has *possession, terms *ingest.Rebalancing) ([]*stock, int64) {
	by := make(map[schemas.AssetCode]*stock)
	stocks := make([]*stock, len(before))
	for n, s := range before {
		stocks[n] = &stock{asset: s.asset, weight: s.weight, units: has.units[s.asset], price: s.price, fraction: s.fraction}
		by[s.asset] = stocks[n]
	}
	cash := int64(0)
	if terms.InvestCash {
		cash = has.cash
	}
	for n := range all {
		t := &all[n]
		if t.from == "" {
			cash -= t.cash
		} else {
			from := by[t.from]
			from.units -= t.units
			t.cash = ratio(t.units, from.price, from.fraction)
		}
		bought := ratio(t.cash, by[t.into].fraction, by[t.into].price)
		by[t.into].units += bought
		by[t.into].bought += bought
	}
	return stocks, cash
}

func abs(n int64) int64 { return max(n, -n) }

package invariants

import (
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// noteMade notes when an event made an order that no instruction asks for: a distribution that is reinvested, or a charge for which units are sold.
func (o *order) noteMade(j *ledger.Journal, p *ledger.Posting) {
	if o.received != nil || o.made != 0 {
		return
	}
	o.made = j.RecordedAt
	if p.From == ledger.PotSettled {
		o.sells, o.asset = true, p.Asset
	}
}

// pays says whether the order sells units for a charge.
func (o *order) pays() bool { return o.made != 0 && o.sells }

// isIn says whether the order is one in the asset. What buys with income does not name its asset: it is one whose income is reinvested.
func (f *facts) isIn(o *order, asset schemas.AssetCode) bool {
	if o.asset != "" || o.made == 0 {
		return o.asset == asset
	}
	return slices.ContainsFunc(f.Operations, func(op Operation) bool {
		d, distributes := op.Body.(*ingest.Distribution)
		return distributes && d.Reinvest && d.Asset == asset
	})
}

// sellsForCharges says whether an operator, or the calendar, had a charge collected by units.
func (f *facts) sellsForCharges() bool {
	return slices.ContainsFunc(f.Charges, func(c Charge) bool { return c.ByUnits }) || slices.ContainsFunc(f.Operations, func(op Operation) bool {
		c, collects := op.Body.(*ingest.ChargeCollection)
		return collects && c.ByUnits
	})
}

package invariants

import (
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// origin is the place of the record that a journal came of.
type origin struct {
	topic string
	operated
}

// noteMade notes when an event made an order that no instruction asks for, and which: a distribution that is reinvested, a charge for which units are sold, or a re-balancing.
func (o *order) noteMade(j *ledger.Journal, p *ledger.Posting) {
	if o.received != nil || o.made != 0 && o.run == nil {
		return
	}
	o.made, o.madeBy = j.RecordedAt, origin{j.Topic, operated{j.Partition, j.Offset}}
	if p.From == ledger.PotSettled {
		o.sells, o.asset = true, p.Asset
	}
}

// pays says whether the order sells units for a charge.
func (o *order) pays() bool { return o.made != 0 && o.sells && o.run == nil }

// madeOf returns what an operator declared in the record that made the order, or nil.
func (f *facts) madeOf(o *order) ingest.OperationBody {
	if o.madeBy.topic != streams.IngestOperator {
		return nil
	}
	for i := range f.Operations {
		if at := (operated{f.Operations[i].Partition, f.Operations[i].Offset}); at == o.madeBy.operated {
			return f.Operations[i].Body
		}
	}
	return nil
}

// isIn says whether the order is one in the asset. What buys with income does not name its asset: it is that whose income the distribution that made it reinvests.
func (f *facts) isIn(o *order, asset schemas.AssetCode) bool {
	if o.asset != "" || o.made == 0 {
		return o.asset == asset
	}
	if o.run != nil { // which of those that were chosen, checkRebalanced says
		return slices.ContainsFunc(o.run.split, func(p ingest.SplitPart) bool { return p.Asset == asset })
	}
	d, distributes := f.madeOf(o).(*ingest.Distribution)
	return distributes && d.Reinvest && d.Asset == asset
}

// isForCharge says whether what made the order is an operator's word, or a row of the annual charge, that has a charge collected by units.
func (f *facts) isForCharge(o *order) bool {
	if c, collects := f.madeOf(o).(*ingest.ChargeCollection); collects {
		return c.ByUnits
	}
	return o.madeBy.topic == streams.IngestReference && slices.ContainsFunc(f.Charges, func(c Charge) bool {
		return c.ByUnits && operated{c.Partition, c.Offset} == o.madeBy.operated
	})
}

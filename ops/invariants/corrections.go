package invariants

import (
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// checkCorrections looks at what negates earlier postings.
func (f *facts) checkCorrections() []*finding {
	links := &finding{number: 3, name: "what is reversed stands in the journal that is named, and is reversed once"}
	held := make(map[schemas.ID]map[moved]int)
	count := 0
	for shard := range f.Shards {
		for _, j := range f.shards[shard] {
			for i := range j.Postings {
				p := &j.Postings[i]
				if p.Reverses == nil {
					continue
				}
				count++
				if at := opposite(p); held[*p.Reverses][at] == 0 {
					links.fail("journal %s, leg %d: journal %s has no such posting to be reversed, or none any more", j.ID, p.Leg, p.Reverses)
				} else {
					held[*p.Reverses][at]--
				}
			}
			held[j.ID] = postingsOf(j)
		}
	}
	return []*finding{links.on(count, "reversals")}
}

// moved is what a posting moves, without its place.
type moved struct {
	asset       schemas.AssetCode
	from, to    schemas.Account
	quantity    schemas.Quantity
	effectiveOn schemas.Date
	order       schemas.ID
}

func movedBy(p *ledger.Posting) moved {
	m := moved{asset: p.Asset, from: p.From, to: p.To, quantity: p.Quantity, effectiveOn: p.EffectiveOn}
	if p.Order != nil {
		m.order = *p.Order
	}
	return m
}

// opposite is the posting that another one negates.
func opposite(p *ledger.Posting) moved {
	m := movedBy(p)
	m.from, m.to = m.to, m.from
	return m
}

func postingsOf(j *ledger.Journal) map[moved]int {
	all := make(map[moved]int, len(j.Postings))
	for i := range j.Postings {
		all[movedBy(&j.Postings[i])]++
	}
	return all
}

// negate takes back what a negated posting had added: what was given comes back to what is reserved, what was got leaves again.
func (o *order) negate(p *ledger.Posting) {
	switch {
	case p.To == ledger.PotReserved && !ledger.IsPotAccount(p.From):
		o.given -= p.Quantity
	case p.From == ledger.PotPending && !ledger.IsPotAccount(p.To):
		o.got -= p.Quantity
	case p.To == ledger.PotPending:
		o.settled -= p.Quantity // from wherever it had settled
	}
}

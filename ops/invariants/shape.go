package invariants

import (
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// checkShape looks at each journal by itself and at its place in its shard's chain.
func (f *facts) checkShape() []*finding {
	postings := &finding{number: 2, name: "a posting has one asset, one source, one destination and a positive whole number of quanta"}
	alone := &finding{number: 6, name: "no journal touches two pots, and each pot is in its own shard"}
	chain := &finding{number: 36, name: "the chain of each shard is whole"}
	once := &finding{number: 3, name: "a journal is written once"}
	count := 0
	seen := make(map[schemas.ID]bool, len(f.Journals))
	for shard := range f.Shards {
		head := ledger.Hash{}
		for n, j := range f.shards[shard] {
			if seen[j.ID] {
				once.fail("journal %s stands twice", j.ID)
			}
			seen[j.ID] = true
			if j.Sequence != int64(n+1) || j.Previous != head || j.ExpectedHash() != [32]byte(j.Hash) {
				chain.fail("shard %d: journal %d (%s) does not follow number %d", shard, j.Sequence, j.ID, n)
			}
			head = j.Hash
			f.checkOwner(alone, j)
			for i := range j.Postings {
				checkPosting(postings, j, &j.Postings[i], i)
				count++
			}
		}
	}
	for shard := range f.shards {
		if shard < 0 || shard >= f.Shards {
			chain.fail("there is no shard %d", shard)
		}
	}
	postings.on(count, "postings")
	return []*finding{postings, alone.on(len(f.Journals), "journals"), chain.on(len(f.Journals), "journals").on(len(f.shards), "shards"), once.on(len(f.Journals), "journals")}
}

func checkPosting(c *finding, j *ledger.Journal, p *ledger.Posting, i int) {
	_, whole := p.Quantity.Quanta(int(p.Scale))
	if p.Asset == "" || p.From == "" || p.To == "" || p.From == p.To || p.Quantity <= 0 || !whole || int(p.Leg) != i+1 {
		c.fail("journal %s, leg %d: %s %s from %q to %q at scale %d", j.ID, p.Leg, p.Quantity, p.Asset, p.From, p.To, p.Scale)
	}
}

// checkOwner checks that a pot's journal moves that pot's accounts, and a shard's journal no pot's at all.
func (f *facts) checkOwner(c *finding, j *ledger.Journal) {
	if j.Pot != nil && streams.PartitionOf(string(*j.Pot), f.Shards) != j.Shard {
		c.fail("journal %s of pot %s is in shard %d", j.ID, *j.Pot, j.Shard)
	}
	if len(j.Postings) == 0 {
		c.fail("journal %s moves nothing", j.ID)
	}
	for i := range j.Postings {
		p := &j.Postings[i]
		touches := ledger.IsPotAccount(p.From) || ledger.IsPotAccount(p.To)
		// That a pot's payment has arrived moves cash from one of the bank's accounts to the other; the journal is the pot's all the same.
		arrived := j.Pot != nil && p.From == ledger.BankInTransit && p.To == ledger.BankClientMoney
		if touches != (j.Pot != nil) && !arrived && !passesOn(j, i) && !follows(j, i) {
			c.fail("journal %s, leg %d: from %s to %s", j.ID, p.Leg, p.From, p.To)
		}
	}
}

// passesOn says whether a posting gives the scheme, to the last penny, what the posting before it took back from a pot for the custodian, who has paid it.
func passesOn(j *ledger.Journal, i int) bool {
	p := &j.Postings[i]
	if j.Pot == nil || i == 0 || p.Stage != stageCompensated || p.To != ledger.SchemeCompensation {
		return false
	}
	back := &j.Postings[i-1]
	return back.Stage == stageReversed && back.From == ledger.PotAvailable && back.To == p.From && back.Asset == p.Asset && back.Quantity == p.Quantity
}

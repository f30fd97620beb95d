package invariants

import (
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// The stages of what an operator declares on pots and assets.
const (
	stageDistributed = "distributed"
	stageSplit       = "split"
	stageMerged      = "merged"
)

// eventKey is one event in one shard: all of its journals name the same cause.
type eventKey struct {
	shard int32
	cause string
}

// event is what the journals of an event have moved in a shard, by account and asset; what comes in counts, what goes out is taken off.
type event struct {
	moved map[controlKey]schemas.Quantity // of the owed accounts: nothing may be left
	// received and given are what the bank or the custodian brought, and what pots and the scheme got of it.
	received, given schemas.Quantity
}

// checkDeclared judges distributions, splits and mergers by what they leave: nothing is owed, and all that came in is in a pot or with the scheme.
func (f *facts) checkDeclared() []*finding {
	conversions := &finding{number: 26, name: "a split or a merger exchanges all units that there are, moves no cash, and leaves nothing owed"}
	distributions := &finding{number: 27, name: "members' income and what rounding keeps are what was received"}
	paid, exchanged := make(map[eventKey]*event), make(map[eventKey]*event)
	for _, j := range f.Journals {
		for i := range j.Postings {
			p, key := &j.Postings[i], eventKey{j.Shard, j.Cause}
			switch p.Stage {
			case stageDistributed:
				eventAt(paid, key).post(j, p)
			case stageSplit, stageMerged:
				eventAt(exchanged, key).post(j, p)
				if p.Asset == schemas.Cash {
					conversions.fail("journal %s, leg %d moves cash", j.ID, p.Leg)
				}
			}
		}
	}
	for key, e := range exchanged {
		checkLeft(conversions, key, e)
	}
	for key, e := range paid {
		checkLeft(distributions, key, e)
		if e.received != e.given {
			distributions.fail("event %s, shard %d: %s received, %s given", key.cause, key.shard, e.received, e.given)
		}
	}
	return []*finding{conversions.on(len(exchanged), "shards' parts"), distributions.on(len(paid), "shards' parts")}
}

func eventAt(events map[eventKey]*event, key eventKey) *event {
	if events[key] == nil {
		events[key] = &event{moved: make(map[controlKey]schemas.Quantity)}
	}
	return events[key]
}

func (e *event) post(j *ledger.Journal, p *ledger.Posting) {
	e.side(j, p.From, p.Asset, -p.Quantity)
	e.side(j, p.To, p.Asset, p.Quantity)
}

func (e *event) side(j *ledger.Journal, account schemas.Account, asset schemas.AssetCode, amount schemas.Quantity) {
	switch {
	case strings.HasSuffix(string(account), "-owed"):
		e.moved[controlKey{j.Shard, asset}] += amount
	case account == ledger.BankClientMoney:
		e.received -= amount
	default:
		e.given += amount
	}
}

// checkLeft checks that the owed accounts of the event's shard are as they were, asset by asset.
func checkLeft(c *finding, key eventKey, e *event) {
	for at, sum := range e.moved {
		if sum != 0 {
			c.fail("event %s leaves %s of %s owed in shard %d", key.cause, sum, at.asset, at.shard)
		}
	}
}

// incomeIn is the income that a journal brings to its pot: what an order in the same journal may invest without an instruction.
func incomeIn(j *ledger.Journal) schemas.Quantity {
	sum := schemas.Quantity(0)
	for i := range j.Postings {
		if p := &j.Postings[i]; p.Stage == stageDistributed && p.To == ledger.PotAvailable {
			sum += p.Quantity
		}
	}
	return sum
}

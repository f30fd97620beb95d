package invariants

import (
	"slices"
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// The stages of units in specie, the state of an instruction of which they have gone, and the code of one of which they have not.
const (
	stageAnnounced   = "announced"
	stagePromised    = "promised"
	stageDelivered   = "delivered"
	stageUndelivered = "undelivered"

	stateDelivered      schemas.Code = "delivered"
	codeDeliveryRefused schemas.Code = "pot/delivery-refused"
)

// inSpecie is what postings did of one delivery: how often each stage came, and what it left in each account, those of custodians without their names.
type inSpecie struct {
	pot    schemas.PotID
	asset  schemas.AssetCode
	units  schemas.Quantity
	stages map[string]int
	left   map[schemas.Account]schemas.Quantity
}

// deliver adds a posting to the delivery that it names, and says whether it is of one.
func (f *facts) deliver(j *ledger.Journal, p *ledger.Posting) bool {
	switch p.Stage {
	case stageAnnounced, stagePromised, stageDelivered, stageUndelivered:
	default:
		return false
	}
	if p.Order == nil || j.Pot == nil {
		return true
	}
	d := f.deliveries[*p.Order]
	if d == nil {
		d = &inSpecie{pot: *j.Pot, asset: p.Asset, units: p.Quantity, stages: make(map[string]int), left: make(map[schemas.Account]schemas.Quantity)}
		f.deliveries[*p.Order] = d
	}
	if ledger.IsPotAccount(p.From) || ledger.IsPotAccount(p.To) {
		d.stages[p.Stage]++
	}
	d.left[nameless(p.From)] -= p.Quantity
	d.left[nameless(p.To)] += p.Quantity
	return true
}

// nameless takes the custodian's name out of an account.
func nameless(account schemas.Account) schemas.Account {
	if _, kind, is := strings.Cut(string(account), ":units-"); is {
		return schemas.Account("units-" + kind)
	}
	return account
}

// checkSpecie compares what moved in specie with what custodians said, and with what was ordered of them.
func (f *facts) checkSpecie() []*finding {
	c := &finding{number: 31, name: "what a custodian says of units in specie moves them once, in their order and number, and only units that were promised leave"}
	moved := 0
	for _, j := range f.Journals {
		for i := range j.Postings {
			p := &j.Postings[i]
			if p.Stage != stageAnnounced && p.Stage != stageDelivered && p.Stage != stageUndelivered {
				continue
			}
			if moved++; !f.saidOf(j, p) {
				c.fail("journal %s: no custodian said that %s of %s are %s", j.ID, p.Quantity, p.Asset, p.Stage)
			}
		}
	}
	for _, id := range sortedIDs(f.deliveries) {
		f.deliveries[id].check(c, id)
		f.checkPromised(c, id, f.deliveries[id])
	}
	for _, o := range f.Deliveries {
		if d := f.deliveries[o.Delivery]; d == nil || d.stages[stagePromised] == 0 {
			c.fail("delivery %s was ordered of %s, and its units were not promised", o.Delivery, o.Custodian)
		}
	}
	return []*finding{c.on(len(f.deliveries), "deliveries").on(moved, "postings")}
}

// saidOf says whether a confirmation says what the posting does.
func (f *facts) saidOf(j *ledger.Journal, p *ledger.Posting) bool {
	if p.Order == nil || j.Pot == nil {
		return false
	}
	return slices.ContainsFunc(f.confirmed[confirmationKey{*p.Order, j.Cause}], func(said *ingest.Confirmation) bool {
		n, is := noticeOf(said)
		return is && string(said.Custodian) == string(j.Source) && n == (notice{p.Stage, *j.Pot, p.Asset, p.Quantity})
	})
}

// notice is what a confirmation says of a delivery.
type notice struct {
	stage string
	pot   schemas.PotID
	asset schemas.AssetCode
	units schemas.Quantity
}

func noticeOf(c *ingest.Confirmation) (notice, bool) {
	switch body := c.Body.(type) {
	case *ingest.UnitsAnnounced:
		return notice{stageAnnounced, body.Pot, body.Asset, body.Units}, true
	case *ingest.UnitsDelivered:
		return notice{stageDelivered, body.Pot, body.Asset, body.Units}, true
	case *ingest.DeliveryFailed:
		return notice{stageUndelivered, body.Pot, body.Asset, body.Units}, true
	}
	return notice{}, false
}

// check checks that a delivery began once and ended at most once, and that its units are where they are then.
func (d *inSpecie) check(c *finding, id schemas.ID) {
	came, went := d.stages[stageAnnounced], d.stages[stagePromised]
	delivered, failed := d.stages[stageDelivered], d.stages[stageUndelivered]
	if came+went != 1 || delivered+failed > 1 {
		c.fail("delivery %s was announced %d times, promised %d times, delivered %d times, and failed %d times", id, came, went, delivered, failed)
		return
	}
	want := map[schemas.Account]schemas.Quantity{}
	switch {
	case failed > 0:
	case came > 0 && delivered > 0:
		want[ledger.PotSettled], want["units-settled"] = d.units, -d.units
	case came > 0:
		want[ledger.PotPending], want["units-owed"] = d.units, -d.units
	case delivered > 0:
		want[ledger.PotSettled], want["units-settled"] = -d.units, d.units
	default:
		want[ledger.PotSettled], want[ledger.PotReserved] = -d.units, d.units
	}
	for account, left := range d.left {
		if left != want[account] {
			c.fail("delivery %s of %s leaves %s in %s, want %s", id, d.units, left, account, want[account])
		}
		delete(want, account)
	}
	if len(want) > 0 {
		c.fail("delivery %s of %s moves nothing in %d accounts", id, d.units, len(want))
	}
}

// checkPromised looks for the instruction behind units that leave, and for the one order of them.
func (f *facts) checkPromised(c *finding, id schemas.ID, d *inSpecie) {
	if d.stages[stagePromised] == 0 {
		return
	}
	ordered := 0
	for _, o := range f.Deliveries {
		if o.Delivery == id && o.Action == custodian.DeliveryActionDeliver && o.Pot == d.pot && o.Asset == d.asset && o.Units == d.units {
			ordered++
		}
	}
	if ordered != 1 {
		c.fail("delivery %s of %s was ordered %d times", id, d.units, ordered)
	}
	if !slices.ContainsFunc(f.Instructions, func(r Received) bool {
		i := r.Instruction
		body, is := i.Body.(*ingest.TransferOutInSpecie)
		return is && i.Pot == d.pot && body.Asset == d.asset && (body.All || body.Units != nil && *body.Units == d.units) &&
			id == schemas.DeriveID("delivery", string(i.Source), string(i.Pot), string(i.ID), i.InstructedOn.String())
	}) {
		c.fail("nobody asked for delivery %s of %s", id, d.units)
	}
}

// coming are the units, by shard and asset, that custodians have announced and said no end of, as far as pots have taken the announcements. What has come of them
// only the confirmations say, without those that were refused, or dropped by an operator, and not taken when they were sent again.
func (f *facts) coming() map[controlKey]schemas.Quantity {
	coming := make(map[controlKey]schemas.Quantity)
	for _, j := range f.Journals {
		for i := range j.Postings {
			p := &j.Postings[i]
			if p.Stage != stageAnnounced || p.Order == nil || j.Pot == nil {
				continue
			}
			began := slices.IndexFunc(f.Confirmations, func(said *ingest.Confirmation) bool {
				n, is := noticeOf(said)
				return is && n.stage == stageAnnounced && said.Trade == *p.Order && n.pot == *j.Pot && said.ID == j.Cause
			})
			if began < 0 {
				continue // nobody said so: the equations will not hold
			}
			first, _ := noticeOf(f.Confirmations[began])
			if !slices.ContainsFunc(f.Confirmations[began:], func(said *ingest.Confirmation) bool {
				n, is := noticeOf(said)
				return is && n.stage != stageAnnounced && said.Trade == *p.Order && said.Custodian == f.Confirmations[began].Custodian &&
					n.pot == first.pot && n.asset == first.asset && n.units == first.units && (f.hasEnded(*p.Order) || !f.isRefused(said))
			}) {
				coming[controlKey{j.Shard, first.asset}] += first.units
			}
		}
	}
	return coming
}

// hasEnded says whether an end of the delivery was booked, be it the right one.
func (f *facts) hasEnded(delivery schemas.ID) bool {
	d := f.deliveries[delivery]
	return d != nil && d.stages[stageDelivered]+d.stages[stageUndelivered] > 0
}

func (f *facts) isRefused(said *ingest.Confirmation) bool {
	return slices.ContainsFunc(f.Refused, func(r *audit.Rejection) bool {
		return r.Topic == streams.IngestConfirmation && string(r.Source) == string(said.Custodian) && r.ID == said.ID
	})
}

// follows says whether a posting in a pot's journal moves, between accounts of the outside world, what the posting before it moved of a delivery.
func follows(j *ledger.Journal, i int) bool {
	p := &j.Postings[i]
	if j.Pot == nil || i == 0 || p.Stage != stageDelivered || p.Order == nil {
		return false
	}
	before := &j.Postings[i-1]
	return before.Stage == stageDelivered && before.Order != nil && *before.Order == *p.Order && before.Asset == p.Asset && before.Quantity == p.Quantity
}

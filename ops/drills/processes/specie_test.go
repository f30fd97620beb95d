package processes

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

const (
	// unitsEvery is which pots get units in specie, each day. The custodian announces them while members instruct, and delivers them while the day closes; those
	// of some pots fail then, and are announced again. After the close some give units away, and some of them ask for them back.
	unitsEvery = 4
	// toldAgainEvery is how often a custodian says a second time what it said.
	toldAgainEvery = 3

	unitsAsset     schemas.AssetCode   = "AAPL"
	unitsCustodian schemas.CustodianID = "HARBOUR"
	unitsCome                          = 10 * schemas.Quantity(1_000_000)
	unitsGo                            = 4 * schemas.Quantity(1_000_000)
)

// What becomes of the units of a pot, by turns.
const (
	unitsFail = iota
	unitsGiven
	unitsStay
	unitsRecalled
	unitsFates
)

// deliveryDay is the phases between which a day's deliveries are under way.
type deliveryDay struct {
	number, pots                      int
	today, later                      schemas.Date // later is the day of the last phase
	instructed, closed, priced, after *phase
}

// plan adds what custodians say of units, and what members ask for. Of one delivery each phase has one step at most, but of those that are
// recalled: the waves of that phase go out one after another under one key, and the simulated custodian answers only what it has heard.
func (d *deliveryDay) plan() {
	d.instructed.saidAt, d.closed.saidAt, d.priced.saidAt, d.after.saidAt = at(d.today, 9, 0), at(d.today, 12, 2), at(d.today, 20, 0), at(d.later, 9, 0)
	given, recalled := wave{at: at(d.today, 20, 0)}, wave{at: at(d.today, 20, 5)}
	for n := 0; n < d.pots; n += unitsEvery {
		pot := potNamed(n)
		first := notice{pot, schemas.DeriveID("drill", "first", string(pot), d.today.String()), unitsCome, d.today}
		gives := ingest.Instruction{
			Source: source, ID: schemas.InstructionID(fmt.Sprintf("%d-gives", d.number)), Pot: pot, InstructedOn: d.today,
			Body: &ingest.TransferOutInSpecie{Asset: unitsAsset, Units: ptr(unitsGo), Receiver: "another-scheme"},
		}
		going := notice{pot, schemas.DeriveID("delivery", source, string(pot), string(gives.ID), d.today.String()), unitsGo, d.later}
		d.instructed.said = append(d.instructed.said, first.announced())
		what := n / unitsEvery % unitsFates
		if what == unitsFail {
			again := notice{pot, schemas.DeriveID("drill", "again", string(pot), d.today.String()), unitsCome, d.today}
			d.closed.said = append(d.closed.said, first.failed())
			d.priced.said = append(d.priced.said, again.announced())
			again.on = d.later
			d.after.said = append(d.after.said, again.delivered())
			continue
		}
		d.closed.said = append(d.closed.said, first.delivered())
		if what == unitsStay {
			continue
		}
		given.instructions = append(given.instructions, gives)
		if what == unitsGiven {
			d.after.said = append(d.after.said, going.delivered())
			continue
		}
		// The simulated custodian answers to that as soon as it hears of it.
		gives.ID, gives.Body = schemas.InstructionID(fmt.Sprintf("%d-recalls", d.number)), &ingest.Cancel{Instruction: gives.ID}
		recalled.instructions = append(recalled.instructions, gives)
	}
	d.priced.waves = append(d.priced.waves, given, recalled)
}

func ptr[T any](v T) *T { return &v }

func potNamed(n int) schemas.PotID { return schemas.PotID(fmt.Sprintf("pot-%05d", n)) }

// notice is what a custodian says of a delivery.
type notice struct {
	pot   schemas.PotID
	id    schemas.ID
	units schemas.Quantity
	on    schemas.Date
}

func (n *notice) announced() ingest.Confirmation {
	return n.say("/announced", &ingest.UnitsAnnounced{Pot: n.pot, Asset: unitsAsset, Units: n.units, On: n.on})
}

// delivered bears the id that the simulated custodian gives to the end of a delivery: it says so too, sooner or later, and either may be first.
func (n *notice) delivered() ingest.Confirmation {
	return n.say("/ended", &ingest.UnitsDelivered{Pot: n.pot, Asset: unitsAsset, Units: n.units, On: n.on})
}

func (n *notice) failed() ingest.Confirmation {
	return n.say("/ended", &ingest.DeliveryFailed{Pot: n.pot, Asset: unitsAsset, Units: n.units, On: n.on, Reason: "fewer came"})
}

func (n *notice) say(what string, body ingest.ConfirmationBody) ingest.Confirmation {
	return ingest.Confirmation{Custodian: unitsCustodian, ID: n.id.String() + what, Trade: n.id, Body: body}
}

// toldAgain is how often a custodian says what it said.
func toldAgain(n int) int {
	if n%toldAgainEvery == 0 {
		return 2
	}
	return 1
}

// deliveries counts the steps of deliveries that are booked, by what they are. The accounts tell those that come from those that go.
type deliveries map[string]int

// add takes in a journal and says whether it is a step of a delivery.
func (d deliveries) add(j *ledger.Journal) bool {
	if j.Pot == nil || len(j.Postings) == 0 {
		return false
	}
	p := &j.Postings[0]
	if !slices.Contains([]string{"announced", "promised", "delivered", "undelivered"}, p.Stage) {
		return false
	}
	d[fmt.Sprintf("%s from %s", p.Stage, p.From)]++
	return true
}

// deliveriesWanted are the kinds of steps that a load must have, or its drills prove nothing about them.
func deliveriesWanted() []string {
	return []string{
		"announced from custodian/HARBOUR:units-owed", "delivered from pot:pending", "undelivered from pot:pending",
		"promised from pot:settled", "delivered from pot:reserved", "undelivered from pot:reserved",
	}
}

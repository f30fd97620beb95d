package model_test

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/status"
)

// handed is a delivery of units in specie, as the processes tell of it.
type handed struct {
	name                         string
	pot                          schemas.PotID
	asset                        schemas.AssetCode
	open, ended, comes, recalled bool
}

// noticeID begins the ids of all that custodians say of units in specie.
const noticeID = "t"

// deliveryOf names a delivery: two pots may have one of the same id.
type deliveryOf struct {
	pot schemas.PotID
	id  schemas.ID
}

// named is a delivery by the id that the ledger knows it by.
func (r *rig) named(pot schemas.PotID, id schemas.ID, name string) *handed {
	of := deliveryOf{pot, id}
	if r.deliveries[of] == nil {
		r.deliveries[of] = &handed{name: name}
	}
	return r.deliveries[of]
}

// nameUnits notes which delivery a line is about.
func (r *rig) nameUnits(id schemas.ID, step scenario.Step) {
	if name := step.Args.Get("delivery", step.Args.Get("of", "")); name != "" {
		r.named(schemas.PotID(step.Args.Get("pot", "p1")), id, name)
	}
}

// order notes what a custodian is told to do.
func (r *rig) order(o *custodian.DeliveryOrder) {
	d := r.named(o.Pot, o.Delivery, string(o.Instruction))
	d.recalled = o.Action == custodian.DeliveryActionRecall
	r.deliveryOrders = append(r.deliveryOrders, o)
	r.specie = append(r.specie, fmt.Sprintf("%s %s: %s is told to %s %s of %s to %s, since %s",
		o.Pot, o.Instruction, o.Custodian, o.Action, decimals(o.Units), o.Asset, o.Receiver, o.OrderedOn))
	r.stages["told to "+o.Action.String()]++
}

func decimals(q schemas.Quantity) string {
	return big.NewRat(int64(q), schemas.Power10(schemas.QuantityScale)).FloatString(schemas.QuantityScale)
}

// bookUnits notes how a posting moves units in specie, and what else is booked while some are on their way.
func (r *rig) bookUnits(j *ledger.Journal, p *ledger.Posting) {
	switch p.Stage {
	case "announced", "promised", "delivered", "undelivered":
	default:
		if j.Pot != nil && r.delivers(*j.Pot, p.Asset) {
			r.stages[p.Stage+" beside a delivery"]++
		}
		if ended := r.step.Kind == "UnitsDelivered" || r.step.Kind == "DeliveryFailed"; ended && (p.Stage == "split" || p.Stage == "merged") {
			r.stages[p.Stage+" after a delivery"]++
		}
		return
	}
	if j.Pot == nil || p.Order == nil || r.deliveries[deliveryOf{*j.Pot, *p.Order}] == nil {
		panic(fault{fmt.Sprintf("a posting of units that are %s names no delivery that is known", p.Stage)})
	}
	d := r.deliveries[deliveryOf{*j.Pot, *p.Order}]
	r.specie = append(r.specie, fmt.Sprintf("%s %s: %s %s of %s, %s to %s, on %s", *j.Pot, d.name, p.Stage, decimals(p.Quantity), p.Asset, p.From, p.To, p.EffectiveOn))
	if d.ended && p.Stage == "announced" {
		r.stages["announced again"]++
	}
	d.pot, d.asset, d.comes = *j.Pot, p.Asset, d.comes || p.Stage == "announced"
	d.open = p.Stage == "announced" || p.Stage == "promised"
	d.ended = !d.open
	if d.ended && d.recalled {
		r.stages[p.Stage+" though recalled"]++
	}
}

// delivers says whether units of the asset are on their way to the pot or from it; of cash, whether any are.
func (r *rig) delivers(pot schemas.PotID, asset schemas.AssetCode) bool {
	for _, d := range r.deliveries {
		if d.open && d.pot == pot && (d.asset == asset || asset == schemas.Cash) {
			return true
		}
	}
	return false
}

// refuse notes what of a custodian's was refused.
func (r *rig) refuse(what *audit.Rejection) {
	if what.Process == pot.Name && strings.HasPrefix(what.ID, noticeID) {
		r.specie = append(r.specie, fmt.Sprintf("%s %s: refused, %s", what.Pot, what.ID, what.Code))
		r.stages["refused "+string(what.Code)]++
	}
}

// answerUnits counts the answers to what is asked of deliveries, or of pots that have them.
func (r *rig) answerUnits(s *status.InstructionStatus) {
	target := r.step.Args.Get("instruction", "")
	for _, d := range r.deliveries {
		switch {
		case d.pot != s.Pot || s.Duplicate:
		case r.step.Kind == "Cancel" && d.name == target && string(s.ID) == r.step.Args.Get("id", ""):
			r.stages[strings.TrimSpace(fmt.Sprintf("cancel of a delivery %s %s", s.State, s.Code))]++
		case r.step.Kind == "Close" && s.State == "accepted" && d.ended && !d.comes:
			r.stages["closed after a delivery"]++
		case r.step.Kind == "Rebalancing" && d.open:
			r.stages[strings.TrimSpace(fmt.Sprintf("rebalanced beside a delivery %s %s", s.State, s.Code))]++
		}
	}
}

// give is an instruction to give units away, mostly of a pot that has some, or to cancel one of the last of them.
func (o *outside) give(a action, who string) string {
	_, id, _ := strings.Cut(who, " ")
	if last := len(o.deliveryOrders); last > 0 && a.B%4 == 0 {
		order := o.deliveryOrders[last-1-a.C%min(3, last)]
		return fmt.Sprintf("Cancel pot=%s %s instruction=%s", order.Pot, id, order.Instruction)
	}
	held := o.holder(a, who)
	if a.C%3 == 0 {
		held = o.holding(fmt.Sprintf("q%d", a.C%leavingPots), id, a, held)
	}
	if a.D%2 == 0 {
		gave := slices.ContainsFunc(o.spoken, func(s *spoken) bool { return s.pot == handedPot && s.asked != "" && s.ended })
		if handed := o.holding(handedPot, id, a, ""); handed != "" {
			return "TransferOutInSpecie " + handed + " all"
		} else if gave {
			return fmt.Sprintf("Close pot=%s %s", handedPot, id)
		}
	}
	how := []string{"all", "all", fmt.Sprintf("units=%d.%03d", a.C%8, 1+a.B%999), fmt.Sprintf("units=0.%02d", 1+a.C%99), fmt.Sprintf("units=0.%06d", 1+a.C%999_999)}[a.D%5]
	return fmt.Sprintf("TransferOutInSpecie %s %s receiver=scheme-%d", held, how, a.B%3)
}

// holding names a holding of the pot, where it has one.
func (o *outside) holding(pot, id string, a action, none string) string {
	for n := range funds() {
		if f := funds()[(a.B+n)%len(funds())]; o.booked.Holds(pot, f.code) {
			return fmt.Sprintf("pot=%s %s asset=%s", pot, id, f.code)
		}
	}
	return none
}

// spoken is units that a custodian announced, or was told to deliver, as it speaks of them.
type spoken struct {
	pot, asset, custodian, units string
	name                         string // delivery=D1, or of=i1 dated=2008-03-17
	on                           string // the day of its announcement
	asked                        string // the instruction by which it goes
	recalled, ended              bool
}

// hand lets a custodian say something of units in specie: mostly of some that are on their way, and mostly what is due.
func (o *outside) hand(a action) {
	o.hearOrders()
	switch due := slices.DeleteFunc(slices.Clone(o.spoken), func(s *spoken) bool { return s.ended }); {
	case a.B%7 == 0 && len(o.saidOfUnits) > 0:
		o.say("%s", o.saidOfUnits[len(o.saidOfUnits)-1-a.A%len(o.saidOfUnits)]) // once more, however late
	case a.B%7 == 1 && len(o.spoken) > 0:
		o.mistake(a, o.spoken[a.A%len(o.spoken)])
	case len(due) > 0 && a.B%7 > 3:
		o.end(a, due[a.A%len(due)])
	case len(o.spoken) > 0 && a.B%7 == 3 && o.spoken[a.A%len(o.spoken)].asked != "":
		o.say("%s", o.spoken[a.A%len(o.spoken)].asked) // a member asks once more
	default:
		o.announceUnits(a)
	}
}

// hearOrders reads what custodians were told to deliver, or to stop.
func (o *outside) hearOrders() {
	for _, order := range o.deliveryOrders[o.heard:] {
		s := &spoken{
			pot: string(order.Pot), asset: string(order.Asset), custodian: string(order.Custodian), units: decimals(order.Units),
			on: order.OrderedOn.String(), recalled: order.Action == custodian.DeliveryActionRecall,
		}
		for _, line := range o.sent {
			if words := strings.Fields(line); words[2] == "pot="+s.pot && words[3] == "id="+string(order.Instruction) {
				s.name, s.asked = "of="+string(order.Instruction)+" "+words[len(words)-1], line
				break
			}
		}
		if at := slices.IndexFunc(o.spoken, func(other *spoken) bool { return other.pot == s.pot && other.name == s.name }); at >= 0 {
			o.spoken[at].recalled = s.recalled
			continue
		}
		o.spoken = append(o.spoken, s)
	}
	o.heard = len(o.deliveryOrders)
}

// tellUnits says something of units in specie.
func (o *outside) tellUnits(kind string, s *spoken, on string) {
	line := fmt.Sprintf("given %s pot=%s %s id=%s%d custodian=%s asset=%s units=%s on=%s", kind, s.pot, s.name, noticeID, len(o.lines), s.custodian, s.asset, s.units, on)
	o.saidOfUnits = append(o.saidOfUnits, line)
	o.say("%s", line)
}

// announceUnits announces units: new ones, those of an announcement that failed once more, or now and then others under the name of an earlier one.
func (o *outside) announceUnits(a action) {
	f := o.ordered(a.B)
	s := &spoken{
		pot: o.pot(a), asset: f.code, custodian: f.custodian, name: fmt.Sprintf("delivery=D%d", len(o.lines)), on: o.date(-a.C % 3),
		units: big.NewRat(int64(1+a.D%40_000), 1000).FloatString(schemas.QuantityScale),
	}
	if a.D%4 == 0 {
		s.pot = handedPot
	}
	switch ended := slices.DeleteFunc(slices.Clone(o.spoken), func(s *spoken) bool { return !s.ended || !strings.HasPrefix(s.name, "delivery") }); {
	case a.A%5 == 0 && len(ended) > 0:
		old := ended[a.C%len(ended)]
		s.pot, s.asset, s.custodian = old.pot, old.asset, old.custodian
		if a.D%2 == 0 {
			s.name = old.name
		}
	case a.A%7 == 0: // what is as old as may be is soon forgotten
		s.on = o.date(-90 + a.B%3)
	case a.A%31 == 1:
		s.on = o.date([]int{1, -91}[a.B%2])
	case a.A%31 == 2:
		s.units = fmt.Sprintf("1.%06d", 1+a.D%999_999)
	}
	o.spoken = append(o.spoken, s)
	o.tellUnits("UnitsAnnounced", s, s.on)
}

// end ends a delivery. What was recalled fails, mostly.
func (o *outside) end(a action, s *spoken) {
	kind := "UnitsDelivered"
	if a.C%4 == 0 || s.recalled && a.C%4 > 1 {
		kind = "DeliveryFailed"
	}
	s.ended = true
	o.tellUnits(kind, s, o.date(a.D%5-3))
}

// mistake says of a delivery what cannot be.
func (o *outside) mistake(a action, s *spoken) {
	wrong := *s
	kind := []string{"UnitsDelivered", "DeliveryFailed", "UnitsAnnounced"}[a.B%3]
	switch a.C % 7 {
	case 0:
		wrong.units = "0.5"
	case 1:
		wrong.asset = funds()[a.D%3].code
	case 2:
		wrong.custodian = []string{"CREST", "EURO"}[a.D%2]
	case 3:
		wrong.pot = o.pot(a)
	case 4:
		wrong.name = "delivery=never"
	}
	o.tellUnits(kind, &wrong, wrong.on)
}

// answersInSpecie are what histories must lead to of units in specie, and beside them.
func answersInSpecie() []string {
	return []string{
		"booked announced", "booked delivered", "booked promised", "booked undelivered", "announced again", "told to DELIVER", "told to RECALL", "delivered", "delivered again",
		"delivered though recalled", "undelivered though recalled", "rejected pot/delivery-refused", "rejected pot/delivery-refused again", "closed after a delivery",
		"cancel of a delivery accepted", "cancel of a delivery rejected pot/nothing-to-cancel", "cancel of a delivery rejected pot/too-late-to-cancel",
		"refused pot/asset-halted", "refused pot/closed", "refused pot/dated-in-future", "refused pot/dated-too-far-back", "refused pot/delivery-differs",
		"refused pot/delivery-out-of-order", "refused pot/not-open", "refused pot/units-before-conversion", "refused pot/units-scale", "refused pot/unknown-delivery",
		"refused pot/wrong-custodian", "split after a delivery", "merged after a delivery", "cancelled beside a delivery", "charged beside a delivery",
		"compensated beside a delivery", "distributed beside a delivery", "priced beside a delivery", "reserved beside a delivery", "settled beside a delivery",
		"switched beside a delivery", "rebalanced beside a delivery accepted", "rebalanced beside a delivery untraded pot/unsettled",
	}
}

package model_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/payment"
	"github.com/penstock-ledger/penstock/streams"
)

// declare lets an operator distribute income, or charge a fee or what has accrued.
func (o *outside) declare(a action) {
	id, dated := fmt.Sprintf("id=d%d", len(o.lines)), o.date(1-a.D%34)
	switch a.B % 20 {
	case 1, 18, 19:
		o.rebalance(a, id, dated)
	case 6, 7, 8, 16, 17:
		o.announce(a)
	case 0, 10:
		o.say("given FlatFee %s cash=%s dated=%s", id, pounds(a.C%500), dated)
	case 2, 9, 12:
		o.say("given Distribution %s asset=%s cash=%s on=%s%s", id, o.ordered(a.A).code, pounds(a.C%5_000), dated, []string{" reinvest", " reinvest", ""}[a.C%3])
	case 3, 4, 13, 14:
		days := a.C%12 - 1
		if o.scheduled && a.C%3 == 0 {
			o.accrued, days = o.day, 0 // what was before has accrued by itself
		}
		through := min(o.accrued+days, o.day+1)
		o.say("given ChargeAccrual %s from=%s through=%s rate=0.%06d", id, o.date(o.accrued-o.day), o.date(through-o.day), 50_000+a.D%50_001)
		if through <= o.day && days >= 0 && through >= o.accrued {
			o.accrued = through + 1
		}
	case 15:
		o.schedule(a)
	default:
		o.say("given ChargeCollection %s dated=%s%s", id, dated, []string{" by-units", " by-units", ""}[a.C%3])
	}
}

// schedule lets the annual charge accrue and be taken by the calendar. From today on is too late.
func (o *outside) schedule(a action) {
	o.scheduled = true
	how := []string{" by-units", " by-units no-leap-day", ""}[a.C%3]
	o.say("given AnnualCharge id=d%d from=%s rate=0.%06d collected=%d%s", len(o.lines), o.date(a.C%4), a.D%100_001, o.collectionDay(a.A), how)
}

// collectionDay is mostly one of the next days, else the first open one of the month, the last, or any.
func (o *outside) collectionDay(n int) int {
	day := monday + schemas.Date(o.day+1+n%7) //nolint:gosec // days are few
	return []int{day.Time().Day(), day.Time().Day(), day.Time().Day(), 0, 31, n % 32}[n%6]
}

// rebalance lets an operator declare a run.
func (o *outside) rebalance(a action, id, dated string) {
	bands := fmt.Sprintf([]string{"absolute=0.0%02d", "relative=0.1%02d", "absolute=0.1%02[1]d relative=0.0%02[1]d", "absolute=0.0%02d"}[a.C%4], a.D%50)
	flags := []string{" while-unsettled", " invest-cash", " while-unsettled", " invest-cash while-unsettled", " invest-cash while-unsettled", ""}[a.A%6]
	o.say("given Rebalancing %s dated=%s %s minimum=%s%s", id, dated, bands, schemas.Money(100+a.C%1_000), flags)
}

// announced is a split that was declared, and not refused, or a merger into another fund.
type announced struct {
	code, into, on string
	new, old       int64
}

// announce lets an operator declare a split some days ahead, now and then too late. From its day on the fund is priced in new units.
func (o *outside) announce(a action) {
	f := funds()[a.A%3]
	on := o.date(2 + a.C%5)
	ratio := [][2]int64{{2, 1}, {3, 2}, {10, 1}, {1, 3}, {7, 9}}[a.D%5]
	refused := o.refusals()
	what, into := "UnitSplit", ""
	if a.B%20 == 8 {
		what, into = "FundMerger", funds()[(a.A+1+a.D%2)%3].code
	}
	o.say("given %s id=d%d asset=%s%s on=%s new=%d old=%d", what, len(o.lines), f.code, map[bool]string{true: " into=" + into}[into != ""], on, ratio[0], ratio[1])
	if o.refusals() == refused {
		o.splits = append(o.splits, announced{f.code, into, on, ratio[0], ratio[1]})
	}
}

// refusals counts what was refused so far.
func (r *rig) refusals() int {
	count := 0
	for partition := range streams.TopicNamed(streams.AuditRejection).Width.Partitions(r.shards) {
		count += len(r.pipeline.Partition(streams.AuditRejection, partition))
	}
	return count
}

// reverse lets an operator take back one of the last contributions, or give back a charge.
func (o *outside) reverse(a action) {
	if a.B%3 == 0 {
		pot := fmt.Sprintf("p%d", a.A%lastPot)
		o.say("given Reversal pot=%s id=v%d charge=%d", pot, len(o.lines), max(1, len(o.charges[schemas.PotID(pot)])-a.C%4))
		return
	}
	left := a.A % 6
	for n := len(o.sent) - 1; n >= 0; n-- {
		words := strings.Fields(o.sent[n])
		if words[1] != "Contribution" {
			continue
		}
		if left--; left < 0 {
			o.say("given Reversal %s id=v%d of=%s %s", words[2], len(o.lines), strings.TrimPrefix(words[3], "id="), words[len(words)-1])
			return
		}
	}
}

// review lets an operator release or refuse one of the last instructions that were held, be it held no more.
func (o *outside) review(a action) {
	if len(o.held) > 0 {
		last := o.held[len(o.held)-1-a.A%min(4, len(o.held))]
		o.say("given %s pot=%s instruction=%s id=op%d", []string{"ReviewRelease", "ReviewRelease", "ReviewRefusal"}[a.B%3], last[0], last[1], len(o.lines))
	}
}

// reference is one under which cash comes, mostly one of those that members know; else that of a payment which came back for a closed pot.
func (o *outside) reference(a action) string {
	if a.D%2 == 1 && len(o.returned) > 0 {
		return o.returned[a.C%len(o.returned)]
	}
	return fmt.Sprintf("R%d", a.C%8)
}

// refund lets an operator send back what is held under a reference, mostly as much as there is; now and then the same act comes again, or another one that
// bears its id.
func (o *outside) refund(a action) {
	if len(o.refunded) > 0 && a.B%5 == 0 {
		o.say("%s", o.refunded[len(o.refunded)-1-a.A%len(o.refunded)])
		return
	}
	reference := o.reference(a)
	for n := 0; n < 8 && o.model.Held(reference).Sign() == 0; n++ {
		reference = fmt.Sprintf("R%d", (a.C+n)%8)
	}
	cash := o.model.Held(reference).FloatString(schemas.MoneyScale)
	if a.D%8 == 0 {
		cash = pounds(a.C)
	}
	line := fmt.Sprintf("given Refund reference=%s id=op%d cash=%s", reference, len(o.lines), cash)
	o.refunded = append(o.refunded, line)
	o.say("%s", line)
}

// bank lets the bank say something about one of the last payments, mostly of the right amount.
func (o *outside) bank(a action) {
	if len(o.payments) == 0 {
		return
	}
	kinds := []string{"PaymentSent", "PaymentPaid", "PaymentBounced", "PaymentSent", "PaymentPaid"}
	p, kind := o.payments[len(o.payments)-1-a.A%min(5, len(o.payments))], kinds[a.B%5]
	// All of a pot is sent and paid, and then it may come back for one that is closed.
	if at := slices.IndexFunc(o.payments, func(p *payment.PaymentOrder) bool { return p.Payee == "another-scheme" && o.banked[p.Payment] < 3 }); at >= 0 && a.C%2 == 0 {
		p = o.payments[at]
		kind = kinds[o.banked[p.Payment]]
		o.banked[p.Payment]++
	}
	amount, of := p.Cash.String(), ""
	if strings.HasPrefix(string(p.Pot), "suspense:") {
		of = "of=" + string(p.Instruction)
	}
	for _, line := range o.sent {
		if words := strings.Fields(line); words[2] == "pot="+string(p.Pot) && words[3] == "id="+string(p.Instruction) {
			of = "of=" + string(p.Instruction) + " " + words[len(words)-1]
			break
		}
	}
	if a.D%16 == 0 {
		amount = "1.23"
	}
	o.say("given %s pot=%s %s cash=%s id=n%d on=%s", kind, p.Pot, of, amount, len(o.lines), o.date(a.C%3-1))
	if reference := "bounced/" + p.Payment.String(); kind == "PaymentBounced" && o.model.Held(reference).Sign() > 0 {
		o.returned = append(o.returned, reference)
	}
}

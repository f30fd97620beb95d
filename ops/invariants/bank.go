package invariants

import (
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// The stages of what the bank pays and receives.
const (
	stageWithdrawn  = "withdrawn"
	stageSent       = "sent"
	stagePaid       = "paid"
	stageBounced    = "bounced"
	stageReceived   = "received"
	stageAttributed = "attributed"
)

// payment is what postings did of one payment: how often each stage came, and what is left of it in each account.
type payment struct {
	stages map[string]int
	left   map[schemas.Account]schemas.Quantity
	cash   schemas.Quantity
}

// pay adds a posting to the payment that it names, and says whether it names one.
func (f *facts) pay(p *ledger.Posting) bool {
	switch p.Stage {
	case stageWithdrawn, stageSent, stagePaid, stageBounced:
	default:
		return false
	}
	if p.Order == nil {
		return true
	}
	one := f.payments[*p.Order]
	if one == nil {
		one = &payment{stages: make(map[string]int), left: make(map[schemas.Account]schemas.Quantity), cash: p.Quantity}
		f.payments[*p.Order] = one
	}
	// What bounces goes back to payable first, where it had left it; that is no step of its own.
	if p.Stage != stageBounced || p.To != ledger.PotPayable {
		one.stages[p.Stage]++
	}
	one.left[p.From] -= p.Quantity
	one.left[p.To] += p.Quantity
	return true
}

// checkBank compares what moved with what the bank said, and follows cash that moves between shards.
func (f *facts) checkBank() []*finding {
	said := &finding{number: 31, name: "what the bank says of a payment or receipt moves it once, in its order, by its amount"}
	moved := f.checkSaid(said)
	for _, id := range sortedIDs(f.payments) {
		checkPayment(said, id, f.payments[id])
	}
	transit := &finding{number: 1, name: "what suspense gives arrives, in whatever shard: cash between shards sums to nothing"}
	claims := f.checkTransit(transit)
	return []*finding{said.on(len(f.payments), "payments").on(moved, "postings"), transit.on(claims, "claims")}
}

// checkPayment checks that a payment took each step once, and that its cash is in one place.
func checkPayment(c *finding, id schemas.ID, p *payment) {
	for stage, times := range p.stages {
		if times > 1 {
			c.fail("payment %s was %s %d times", id, stage, times)
		}
	}
	if p.stages[stagePaid] > p.stages[stageSent] {
		c.fail("payment %s was paid and never sent", id)
	}
	for _, account := range []schemas.Account{ledger.PotPayable, ledger.BankInTransit} {
		if left := p.left[account]; left != 0 && left != p.cash {
			c.fail("payment %s of %s leaves %s in %s", id, p.cash, left, account)
		}
	}
	if p.stages[stageBounced] > 0 && (p.left[ledger.PotPayable] != 0 || p.left[ledger.BankInTransit] != 0 || p.left[ledger.BankClientMoney] != 0) {
		c.fail("payment %s bounced and is not where it came from", id)
	}
}

// checkSaid looks for the bank's word behind each posting that needs one.
func (f *facts) checkSaid(c *finding) int {
	bySender := make(map[[2]string][]*ingest.Confirmation)
	for _, one := range f.Confirmations {
		key := [2]string{string(one.Custodian), one.ID}
		bySender[key] = append(bySender[key], one)
	}
	moved, received := 0, make(map[[2]string]bool)
	for _, j := range f.Journals {
		for i := range j.Postings {
			p := &j.Postings[i]
			if p.Stage != stageSent && p.Stage != stagePaid && p.Stage != stageBounced && p.Stage != stageReceived {
				continue
			}
			moved++
			key := [2]string{string(j.Source), j.Cause}
			if !says(bySender[key], j, p) {
				c.fail("journal %s: the bank never said that %s was %s", j.ID, p.Quantity, p.Stage)
			}
			if p.Stage == stageReceived && received[key] {
				c.fail("journal %s: receipt %s was booked twice", j.ID, j.Cause)
			}
			received[key] = received[key] || p.Stage == stageReceived
		}
	}
	return moved
}

// says says whether one of the confirmations is the posting's.
func says(confirmations []*ingest.Confirmation, j *ledger.Journal, p *ledger.Posting) bool {
	for _, c := range confirmations {
		cash, stage, pot := schemas.Money(0), "", schemas.PotID("")
		switch body := c.Body.(type) {
		case *ingest.PaymentSent:
			cash, stage, pot = body.Cash, stageSent, body.Pot
		case *ingest.PaymentPaid:
			cash, stage, pot = body.Cash, stagePaid, body.Pot
		case *ingest.PaymentBounced:
			cash, stage, pot = body.Cash, stageBounced, body.Pot
		case *ingest.CashReceived:
			cash, stage = body.Cash, stageReceived
		}
		samePayment := p.Order == nil || *p.Order == c.Trade
		if stage == p.Stage && int64(cash) == quanta(p.Quantity, schemas.MoneyScale) && samePayment && (j.Pot == nil || *j.Pot == pot) {
			return true
		}
	}
	return false
}

// checkTransit checks that what leaves suspense for a claim arrives in the pot that made it, whole and once.
func (f *facts) checkTransit(c *finding) int {
	type claim struct {
		source schemas.SourceID
		cause  string
	}
	sums, gone := make(map[claim]schemas.Quantity), 0
	for _, j := range f.Journals {
		for i := range j.Postings {
			p := &j.Postings[i]
			key := claim{j.Source, j.Cause}
			if p.Stage == stageReversed {
				sums[key] += throughTransit(p)
				continue
			}
			if p.Stage != stageAttributed {
				continue
			}
			if p.From == ledger.SchemeSuspense && p.To == ledger.BankInTransit {
				sums[key] += p.Quantity
				gone++
			} else if p.From == ledger.BankInTransit && p.To == ledger.PotAvailable {
				sums[key] -= p.Quantity
			} else {
				c.fail("journal %s attributes from %s to %s", j.ID, p.From, p.To)
			}
		}
	}
	for key, sum := range sums {
		if sum != 0 {
			c.fail("claim %s of %s leaves %s between shards", key.cause, key.source, sum)
		}
	}
	return gone
}

// throughTransit is what a reversal sends from a pot back to suspense, below zero where it arrives.
func throughTransit(p *ledger.Posting) schemas.Quantity {
	switch {
	case p.From == ledger.PotAvailable && p.To == ledger.BankInTransit:
		return p.Quantity
	case p.From == ledger.BankInTransit && p.To == ledger.SchemeSuspense:
		return -p.Quantity
	}
	return 0
}

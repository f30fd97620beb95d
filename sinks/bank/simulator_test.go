package bank_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/payment"
	"github.com/penstock-ledger/penstock/sinks/bank"
)

var (
	one = schemas.DeriveID("one")
	two = schemas.DeriveID("two")
)

func at(t *testing.T, text string) schemas.Instant {
	t.Helper()
	moment, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return schemas.InstantOf(moment)
}

func order(id schemas.ID, payee string, ordered schemas.Instant) *payment.PaymentOrder {
	return &payment.PaymentOrder{Payment: id, Pot: "p1", Payee: payee, Cash: 100, OrderedAt: ordered}
}

func recalled(id schemas.ID) *payment.PaymentOrder {
	return &payment.PaymentOrder{Payment: id, Pot: "p1", Cash: 100, Action: payment.PaymentActionRecall}
}

func says(all []ingest.Confirmation) string {
	var parts []string
	for i := range all {
		switch body := all[i].Body.(type) {
		case *ingest.PaymentSent:
			parts = append(parts, fmt.Sprintf("sent %s on %s", body.Cash, body.On))
		case *ingest.PaymentPaid:
			parts = append(parts, fmt.Sprintf("paid %s on %s", body.Cash, body.On))
		case *ingest.PaymentBounced:
			parts = append(parts, fmt.Sprintf("bounced %s on %s: %s", body.Cash, body.On, body.Reason))
		}
	}
	return strings.Join(parts, "; ")
}

func expect(t *testing.T, got []ingest.Confirmation, want string) {
	t.Helper()
	if says(got) != want {
		t.Errorf("the bank says %q, want %q", says(got), want)
	}
}

func TestAPaymentIsSentAtTheNextTickAndPaidOnTheNextDay(t *testing.T) {
	t.Parallel()
	s := bank.NewSimulator(bank.Behaviour{Bounces: map[string]string{"nobody": "account closed"}}, time.UTC)
	expect(t, s.Reached(at(t, "2008-03-17 09:00")), "")
	expect(t, s.Ordered(order(one, "jo", at(t, "2008-03-17 09:00"))), "")
	expect(t, s.Ordered(order(two, "nobody", at(t, "2008-03-17 11:00"))), "")
	expect(t, s.Reached(at(t, "2008-03-17 10:00")), "sent 1.00 on 2008-03-17")
	expect(t, s.Ordered(order(one, "jo", at(t, "2008-03-17 09:00"))), "")
	expect(t, s.Ordered(recalled(one)), "")
	expect(t, s.Reached(at(t, "2008-03-17 23:59")), "sent 1.00 on 2008-03-17")
	got := s.Reached(at(t, "2008-03-18 00:00"))
	if text := says(got); !strings.Contains(text, "paid 1.00 on 2008-03-18") || !strings.Contains(text, "bounced 1.00 on 2008-03-18: account closed") || len(got) != 2 {
		t.Errorf("the bank says %q", text)
	}
	expect(t, s.Reached(at(t, "2008-03-20 00:00")), "")
}

func TestAPaymentThatIsRecalledInTimeComesBack(t *testing.T) {
	t.Parallel()
	s := bank.NewSimulator(bank.Behaviour{}, time.UTC)
	expect(t, s.Ordered(recalled(one)), "")
	expect(t, s.Ordered(order(one, "jo", at(t, "2008-03-17 09:00"))), "")
	expect(t, s.Ordered(recalled(one)), "bounced 1.00 on 2008-03-17: recalled")
	expect(t, s.Reached(at(t, "2008-03-18 09:00")), "")
}

func TestTheBankGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	first := bank.NewSimulator(bank.Behaviour{}, time.UTC)
	first.Ordered(order(one, "jo", at(t, "2008-03-17 09:00")))
	first.Ordered(order(two, "jo", at(t, "2008-03-17 09:00")))
	said := first.Reached(at(t, "2008-03-17 10:00"))
	second := bank.NewSimulator(bank.Behaviour{}, time.UTC)
	for i := range said {
		second.Said(&said[i])
	}
	second.Said(&ingest.Confirmation{ID: "somebody-elses", Trade: one, Body: &ingest.PaymentPaid{}})
	second.Said(&ingest.Confirmation{ID: "a-custodians", Trade: one, Body: &ingest.TradeSettled{}})
	second.Ordered(order(one, "jo", at(t, "2008-03-17 09:00")))
	second.Ordered(order(two, "jo", at(t, "2008-03-17 09:00")))
	expect(t, second.Reached(at(t, "2008-03-17 10:00")), "")
	expect(t, second.Reached(at(t, "2008-03-18 10:00")), "paid 1.00 on 2008-03-18; paid 1.00 on 2008-03-18")
}

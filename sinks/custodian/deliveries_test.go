package custodian

import (
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

const orderedAt schemas.Instant = 1_205_744_400_000 // 2008-03-17 09:00

func give(name string, action custodian.DeliveryAction) *custodian.DeliveryOrder {
	return &custodian.DeliveryOrder{
		Delivery: schemas.DeriveID(name), Pot: "p1", Action: action, Custodian: "CREST", Asset: "AAPL", UnitsScale: 3, Units: 5_000_000, Receiver: "scheme-b", OrderedAt: orderedAt,
	}
}

// TestUnitsAreDeliveredAtTheNextTickOnce orders deliveries: one is delivered, one stopped in time, and one stopped too late.
func TestUnitsAreDeliveredAtTheNextTickOnce(t *testing.T) {
	s := NewSimulator(Behaviour{}, time.UTC)
	s.Delivering(give("a", custodian.DeliveryActionDeliver))
	s.Delivering(give("b", custodian.DeliveryActionDeliver))
	stopped := s.Delivering(give("b", custodian.DeliveryActionRecall))
	if len(stopped) != 1 || stopped[0].Trade != schemas.DeriveID("b") || stopped[0].Custodian != "CREST" {
		t.Fatalf("stopping in time brought %v", stopped)
	}
	if failed, ok := stopped[0].Body.(*ingest.DeliveryFailed); !ok || failed.Reason != reasonRecalled || failed.Units != 5_000_000 || failed.Pot != "p1" || failed.Asset != "AAPL" {
		t.Errorf("it says %+v", stopped[0].Body)
	}
	if early := s.Reached(orderedAt); len(early) != 0 {
		t.Errorf("at the time of the order %v was said", early)
	}
	due := s.Reached(orderedAt + 1)
	if len(due) != 1 || due[0].Trade != schemas.DeriveID("a") {
		t.Fatalf("the tick brought %v", due)
	}
	if d, ok := due[0].Body.(*ingest.UnitsDelivered); !ok || d.Units != 5_000_000 || d.On != schemas.DateOf(2008, 3, 17) || d.Pot != "p1" || d.Asset != "AAPL" {
		t.Errorf("it says %+v", due[0].Body)
	}
	if late := s.Delivering(give("a", custodian.DeliveryActionRecall)); len(late) != 0 {
		t.Errorf("stopping too late brought %v", late)
	}
	if again := s.Reached(orderedAt + 2); len(again) != 0 {
		t.Errorf("the next tick brought %v", again)
	}

	restarted := NewSimulator(Behaviour{}, time.UTC)
	restarted.Said(&due[0])
	restarted.Said(&stopped[0])
	for _, name := range []string{"a", "b", "c"} {
		restarted.Delivering(give(name, custodian.DeliveryActionDeliver))
	}
	restarted.Delivering(give("b", custodian.DeliveryActionRecall))
	if left := restarted.Reached(orderedAt + 3); len(left) != 1 || left[0].Trade != schemas.DeriveID("c") {
		t.Errorf("started again it says %v, want only what it had not said", left)
	}
}

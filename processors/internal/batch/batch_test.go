package batch_test

import (
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
)

// TestBuysKeepTheirNames guards what custodians, topics and stores know: a batch of buys is named as it was before there were sells.
func TestBuysKeepTheirNames(t *testing.T) {
	day, err := schemas.ParseDate("2008-03-17")
	if err != nil {
		t.Fatal(err)
	}
	buys := batch.Kind{Side: inbox.SideBuy, Basis: inbox.BasisCash}
	if got, want := batch.Trade(day, "CREST", "GB00X", buys), schemas.DeriveID("trade", "2008-03-17", "CREST", "GB00X", "BUY"); got != want {
		t.Errorf("the buys of a day are trade %s, they were %s", got, want)
	}
	if got, want := batch.Tag(day, "GB00X", buys), "2008-03-17/GB00X/BUY"; got != want {
		t.Errorf("their tag is %s, it was %s", got, want)
	}
}

func TestEveryKindHasNamesOfItsOwn(t *testing.T) {
	trades, tags := make(map[schemas.ID]bool), make(map[string]bool)
	for _, kind := range batch.Kinds() {
		trades[batch.Trade(13955, "CREST", "GB00X", kind)] = true
		tags[batch.Tag(13955, "GB00X", kind)] = true
	}
	if len(trades) != batch.KindCount || len(tags) != batch.KindCount {
		t.Errorf("%d kinds have %d trades and %d tags", batch.KindCount, len(trades), len(tags))
	}
}

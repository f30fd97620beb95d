package invariants_test

import (
	"testing"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// unbook takes the end of one delivery that came out of the journals, as if the pot had not taken it, and returns the refusals of all that the custodian said of that end.
func unbook(in *invariants.Input) []*audit.Rejection {
	var refused []*audit.Rejection
	for _, j := range in.Journals {
		if len(j.Postings) != 2 || j.Postings[0].Stage != "delivered" || j.Postings[0].From != ledger.PotPending {
			continue
		}
		for _, said := range in.Confirmations {
			if _, begins := said.Body.(*ingest.UnitsAnnounced); said.Trade == *j.Postings[0].Order && !begins {
				refused = append(refused, &audit.Rejection{Topic: streams.IngestConfirmation, Source: schemas.SourceID(said.Custodian), ID: said.ID})
			}
		}
		j.Postings = nil
		return refused
	}
	return nil
}

// TestWhatWasRefusedEndsNoDelivery has an operator drop what a custodian said of a delivery: its units are still to come, as its pot says. Had nobody refused it, they would be missing.
func TestWhatWasRefusedEndsNoDelivery(t *testing.T) {
	for seed := range uint64(seedsMax) {
		in := played(t, seed)
		refused := unbook(&in)
		if refused == nil {
			continue
		}
		if !isBroken(in, 30) {
			t.Errorf("seed %d: what a custodian delivered is not booked, and invariant 30 holds", seed)
		}
		in.Refused = append(in.Refused, refused...)
		if isBroken(in, 30) {
			t.Errorf("seed %d: what was refused counts as delivered", seed)
		}
		return
	}
	t.Error("no history has a delivery that came")
}

package demo

import (
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

// correctedJournal is what a correction from half a unit to 0.4 did in a pot that has sold all of it.
func correctedJournal(pot schemas.PotID) *ledger.Journal {
	order, first := schemas.DeriveID("order"), schemas.DeriveID("first")
	owed := ledger.UnitsOwed("CREST")
	return &ledger.Journal{Pot: &pot, Cause: "c1", Postings: []ledger.Posting{
		{Stage: "reversed", Asset: "GOOG", Quantity: 500_000, From: ledger.PotSettled, To: ledger.PotPending, Order: &order, Reverses: &first},
		{Stage: "reversed", Asset: "GOOG", Quantity: 500_000, From: ledger.PotPending, To: owed, Order: &order, Reverses: &first},
		{Stage: "priced", Asset: "GOOG", Quantity: 400_000, From: owed, To: ledger.PotPending, Order: &order},
		{Stage: "settled", Asset: "GOOG", Quantity: 400_000, From: ledger.PotPending, To: ledger.PotSettled, Order: &order},
		{Stage: "compensated", Asset: "GOOG", Quantity: 100_000, From: ledger.SchemeCompensation, To: ledger.PotSettled},
	}}
}

func TestAPlanMustSayWhatTheCorrectionThenDid(t *testing.T) {
	for name, c := range map[string]struct {
		change func(plan []postgres.PlannedPot) []postgres.PlannedPot
		wrong  string
	}{
		"as planned": {func(plan []postgres.PlannedPot) []postgres.PlannedPot { return plan }, ""},
		"no plan":    {func([]postgres.PlannedPot) []postgres.PlannedPot { return nil }, "not in the plan"},
		"a pot too many": {func(plan []postgres.PlannedPot) []postgres.PlannedPot {
			return append(plan, postgres.PlannedPot{Pot: "p9"})
		}, "p9"},
		"other units":       {func(plan []postgres.PlannedPot) []postgres.PlannedPot { plan[0].Would = "0.41"; return plan }, "0.41"},
		"other compensated": {func(plan []postgres.PlannedPot) []postgres.PlannedPot { plan[0].Missing = "0"; return plan }, "planned"},
		"fewer postings":    {func(plan []postgres.PlannedPot) []postgres.PlannedPot { plan[0].Postings = 1; return plan }, "planned"},
		"no number":         {func(plan []postgres.PlannedPot) []postgres.PlannedPot { plan[0].Was = "half"; return plan }, "half"},
	} {
		plan := []postgres.PlannedPot{{Pot: "p1", What: "units bought", Orders: 1, Postings: 2, Was: "0.500000", Would: "0.4", Missing: "0.1"}}
		s := &Session{}
		s.report.Days = []*DayReport{{Corrections: []*CorrectionReport{{Asset: "GOOG", Date: "2008-03-25", Plan: c.change(plan), cause: "c1"}}}}
		other := correctedJournal("p2")
		other.Cause = "c2"
		check := s.checkPlans(&invariants.Input{Journals: []*ledger.Journal{correctedJournal("p1"), other}})
		if check.OK != (c.wrong == "") || !strings.Contains(check.Detail, c.wrong) {
			t.Errorf("%s: judged %+v", name, check)
		}
	}
}

func TestAPotThatLeftMustHaveNothing(t *testing.T) {
	pot := schemas.PotID("p1")
	in := &ledger.Journal{Pot: &pot, Postings: []ledger.Posting{{Asset: schemas.Cash, Quantity: 5, From: ledger.BankClientMoney, To: ledger.PotAvailable}}}
	out := &ledger.Journal{Pot: &pot, Postings: []ledger.Posting{{Asset: schemas.Cash, Quantity: 5, From: ledger.PotAvailable, To: ledger.BankInTransit}}}
	for name, c := range map[string]struct {
		journals []*ledger.Journal
		ok       bool
	}{
		"all left":      {[]*ledger.Journal{in, out}, true},
		"some stays":    {[]*ledger.Journal{in}, false},
		"never entered": {nil, false},
	} {
		s := &Session{Config: Config{Workload: &Workload{Left: []schemas.PotID{pot}}}}
		if check := s.checkLeft(&invariants.Input{Journals: c.journals}); check.OK != c.ok {
			t.Errorf("%s: judged %+v", name, check)
		}
	}
}

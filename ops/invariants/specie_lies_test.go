package invariants_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

func atStage(stage string) func(*invariants.Input, *ledger.Posting) bool {
	return func(_ *invariants.Input, p *ledger.Posting) bool { return p.Stage == stage }
}

// dropped takes the first posting that is as is asked out of its journal.
func dropped(is func(*ledger.Posting) bool) func(*invariants.Input) bool {
	return func(in *invariants.Input) bool {
		for _, j := range in.Journals {
			if at := slices.IndexFunc(j.Postings, func(p ledger.Posting) bool { return is(&p) }); at >= 0 {
				j.Postings = slices.Delete(j.Postings, at, at+1)
				return true
			}
		}
		return false
	}
}

// unsaid takes back what custodians said of one delivery's end, where one was booked.
func unsaid(in *invariants.Input) bool {
	for _, j := range in.Journals {
		for i := range j.Postings {
			p := &j.Postings[i]
			if p.Stage != "delivered" || p.From != ledger.PotPending {
				continue
			}
			in.Confirmations = slices.DeleteFunc(in.Confirmations, func(c *ingest.Confirmation) bool {
				_, begins := c.Body.(*ingest.UnitsAnnounced)
				return c.Trade == *p.Order && !begins
			})
			return true
		}
	}
	return false
}

func specieLies() []lie {
	comes := func(p *ledger.Posting) bool {
		return p.Stage == "delivered" && strings.HasSuffix(string(p.From), "units-settled")
	}
	goes := func(p *ledger.Posting) bool {
		return p.Stage == "delivered" && strings.HasSuffix(string(p.To), "units-settled")
	}
	return []lie{
		{31, "a quantum more is announced than the custodian said", posting(atStage("announced"), func(p *ledger.Posting) { p.Quantity += quantum(p) })},
		{31, "more units leave than were asked for", posting(atStage("promised"), func(p *ledger.Posting) { p.Quantity += quantum(p) })},
		{31, "units that failed to come are kept", posting(func(_ *invariants.Input, p *ledger.Posting) bool {
			return p.Stage == "undelivered" && p.From == ledger.PotPending
		}, func(p *ledger.Posting) { p.To = ledger.PotSettled })},
		{30, "units that came are not with the custodian", dropped(comes)},
		{30, "units that went are with the custodian still", dropped(goes)},
		{30, "units came that the custodian has not delivered", unsaid},
		{31, "units leave and nobody was told to deliver them", func(in *invariants.Input) bool {
			had := len(in.Deliveries)
			in.Deliveries = nil
			return had > 0
		}},
		{31, "a custodian is told to deliver what was not promised", dropped(func(p *ledger.Posting) bool { return p.Stage == "promised" })},
		{6, "units move between custodians' accounts in a pot's journal", posting(func(_ *invariants.Input, p *ledger.Posting) bool { return comes(p) }, func(p *ledger.Posting) { p.Quantity += quantum(p) })},
	}
}

// TestJudgesOfUnitsInSpecieNoticeLies tells each lie of the first history that it can be told of.
func TestJudgesOfUnitsInSpecieNoticeLies(t *testing.T) { tellAll(t, specieLies()) }

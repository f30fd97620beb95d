package invariants_test

import (
	"slices"
	"testing"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// inScheduled tells a lie of the first journal that takes a charge by the calendar.
func inScheduled(change func(*invariants.Input, *ledger.Journal)) func(*invariants.Input) bool {
	return func(in *invariants.Input) bool {
		for _, j := range in.Journals {
			if j.Topic == streams.IngestReference && slices.ContainsFunc(j.Postings, func(p ledger.Posting) bool { return p.Stage == "charged" }) {
				change(in, j)
				return true
			}
		}
		return false
	}
}

// TestTheJudgeOfTheCalendarNoticesLies tells each lie of the first history that it can be told of.
func TestTheJudgeOfTheCalendarNoticesLies(t *testing.T) {
	tellAll(t, []lie{
		{28, "a charge is taken twice on its day", inScheduled(func(in *invariants.Input, j *ledger.Journal) { in.Journals = append(in.Journals, j) })},
		{28, "a charge is taken by no row", inScheduled(func(_ *invariants.Input, j *ledger.Journal) { j.Offset += 1 << 20 })},
		{28, "a charge is taken before its day", inScheduled(func(in *invariants.Input, j *ledger.Journal) {
			for _, row := range in.Charges {
				if row.Partition == j.Partition && row.Offset == j.Offset {
					j.RecordedAt = schemas.Instant(row.EffectiveFrom-1) * 24 * 60 * 60 * 1000
				}
			}
		})},
		{28, "more is taken than can have accrued", inScheduled(func(_ *invariants.Input, j *ledger.Journal) { j.Postings[0].Quantity *= 1000 })},
	})
}

package dealing_test

import (
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
)

// movedText has two rows of each asset: those of GB00X have begun when its second part is played, those of GB00Y have not.
const movedText = `at 2008-03-17 09:00
given Calendar  name=platform from=2008-01-01 through=2008-12-31
given Settings  from=2008-01-01
given Custodian custodian=CREST
given Custodian custodian=EUROCLEAR
given Asset     id=a1 asset=GB00X from=2008-01-01
given Asset     id=a2 asset=GB00X from=2008-03-18 cut-off=13:00
given Asset     id=a3 asset=GB00Y from=2008-03-26
given Asset     id=a4 asset=GB00Y from=2008-03-28 cut-off=13:00
given Reached
`

// TestRowsOfAnOlderProgramAreStillKnown has the later row of an asset at another custodian, which is refused now and was accepted once. Sent again it is no news; what
// differs is held against the row before it, and a row before all others against the first.
func TestRowsOfAnOlderProgramAreStillKnown(t *testing.T) {
	p := newPlayer()
	scenario.Run(t, movedText, p)
	rows := p.shard.Reference().Assets
	if len(rows) != 4 {
		t.Fatalf("there are %d rows", len(rows))
	}
	rows[1].Custodian, rows[3].Custodian = "EUROCLEAR", "EUROCLEAR"
	scenario.Run(t, `at 2008-03-19 09:00
given  Reached
when   Asset id=b1 asset=GB00X from=2008-01-01
when   Asset id=b2 asset=GB00X from=2008-03-18 cut-off=13:00 custodian=EUROCLEAR
when   Asset id=b3 asset=GB00X from=2008-03-18 cut-off=14:00 custodian=EUROCLEAR
reject dealing/bad-reference unanswered
when   Asset id=b4 asset=GB00Y from=2008-03-20 custodian=EUROCLEAR
reject dealing/bad-reference unanswered
when   Asset id=b5 asset=GB00Y from=2008-03-20
then   ReferenceChanged key=!0
when   Asset id=b6 asset=GB00Y from=2008-03-28 cut-off=13:00
then   ReferenceChanged key=!0
`, p)
}

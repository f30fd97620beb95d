package dealing_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// TestCustodiansLeaveRoomForWhatElseIsRemembered changes a custodian as often as it may be. What it was is remembered for ever, so there is an end to it; rows of
// assets for days to come are still taken.
func TestCustodiansLeaveRoomForWhatElseIsRemembered(t *testing.T) {
	text := &strings.Builder{}
	text.WriteString("at 2008-03-17 09:00\ngiven Calendar name=platform from=2008-01-01 through=2008-12-31\ngiven Settings from=2008-01-01\n")
	const changes = 1000
	for n := range changes {
		fmt.Fprintf(text, "when Custodian id=u%d custodian=CREST digits=%d\nthen ReferenceChanged key=!0\n", n, n%2+8)
	}
	text.WriteString("when Custodian id=u0 custodian=CREST digits=8\n")
	text.WriteString("when Custodian id=more custodian=CREST digits=8\nreject dealing/bad-reference unanswered\n")
	text.WriteString("when Custodian id=same custodian=CREST digits=9\n")
	text.WriteString("given Asset asset=GB00X from=2008-01-01\ngiven Reached\n")
	text.WriteString("when Asset asset=GB00X from=2008-03-19 cut-off=13:00\nthen ReferenceChanged key=!0\n")
	scenario.Run(t, text.String(), newPlayer())
}

// TestWhatHasNoEndIsNoChangeOfACustodian sends a row for the last day that can be written as often as custodians may change. It is a row like others.
func TestWhatHasNoEndIsNoChangeOfACustodian(t *testing.T) {
	text := &strings.Builder{}
	text.WriteString("at 2008-03-17 09:00\ngiven Calendar name=platform from=2008-01-01 through=2008-12-31\ngiven Settings from=2008-01-01\n")
	text.WriteString("given Custodian id=u0 custodian=CREST\ngiven Asset asset=GB00X from=2008-01-01\n")
	const changes = 1000
	fmt.Fprintf(text, "given Asset id=r# asset=GB00X from=9999-12-31 cut-off=13:00 times=%d\n", changes)
	text.WriteString("when Custodian id=u1 custodian=EUROCLEAR\nthen ReferenceChanged key=!0\n")
	scenario.Run(t, text.String(), newPlayer())
}

// TestDaysToComeLeaveRoomForCustodians fills what is remembered until a day. A custodian is still changed; a further row is refused.
func TestDaysToComeLeaveRoomForCustodians(t *testing.T) {
	p := newPlayer()
	scenario.Run(t, `at 2008-03-17 09:00
given Calendar  name=platform from=2008-01-01 through=2008-12-31
given Settings  from=2008-01-01
given Custodian id=u0 custodian=CREST
given Asset     asset=GB00X from=2008-01-01
given Asset     id=a1 asset=GB00X from=2008-03-20 cut-off=13:00
`, p)
	known := p.shard.Reference()
	const rows = 4000
	for n := len(known.Coming); n < rows; n++ { // one of them is the custodian's
		known.Coming = append(known.Coming, state.ComingEntry{Key: schemas.DeriveID("row", strconv.Itoa(n)), Until: known.Assets[1].EffectiveFrom})
	}
	scenario.Run(t, `at 2008-03-17 10:00
when   Asset     id=a2 asset=GB00X from=2008-03-20 cut-off=14:00
then   ReferenceChanged key=!0
when   Asset     id=a3 asset=GB00X from=2008-03-20 cut-off=15:00
reject dealing/bad-reference unanswered
when   Custodian id=u1 custodian=EUROCLEAR
then   ReferenceChanged key=!0
`, p)
}

package dealing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
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

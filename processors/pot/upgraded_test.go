package pot_test

import (
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// ownedText has p1 claim a reference of which it has had cash. The claim waits.
const ownedText = `at 2008-03-17 09:00
given   Settings      from=2008-01-01
given   Calendar      name=platform from=2008-01-01 through=2008-12-31
given   PotOpened     pot=p1
given   PotOpened     pot=p2
given   CashReceived  reference=R3 id=r1 cash=5.00
given   CashClaimed   pot=p1 id=t1 reference=R3
given   CashClaimed   pot=p1 id=t2 reference=R3
`

// takenBackText has the waiting claim taken back, and p2 claim the reference.
const takenBackText = `at 2008-03-17 09:00
when    ClaimWithdrawn pot=p1 id=t2 reference=R3
then    ClaimRefused   key=p1 pot=p1
when    CashClaimed    pot=p2 id=t3 reference=R3
then    ClaimRefused   key=p2 pot=p2 code=pot/reference-claimed
`

// TestAClaimOfAnOlderProgramLeavesItsReferenceToTheOwner takes back a claim that waited when the program was replaced: it does not say whether the reference was its pot's.
func TestAClaimOfAnOlderProgramLeavesItsReferenceToTheOwner(t *testing.T) {
	p := &player{shard: scenario.NewShard[
		inbox.PotMessage, state.PotState, state.PotReference, *pot.Reference, state.PotTally,
		*inbox.PotMessage, *state.PotState, *state.PotReference, *state.PotTally,
	](pot.Machine(), 0, 1)}
	scenario.Run(t, ownedText, p)
	waiting := p.shard.State("suspense:R3").Suspense.Waiting
	if waiting == nil || !waiting.OwnedBefore || !waiting.OwnerNoted {
		t.Fatal("no claim waits that says whether the reference was its pot's")
	}
	waiting.OwnedBefore, waiting.OwnerNoted = false, false
	scenario.Run(t, takenBackText, p)
}

package pot

import (
	"encoding/hex"
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

// TestWhatWasAnsweredBeforeThereWereChoicesIsKnownAgain holds the digest of a contribution to what the version before had: pots remember it.
func TestWhatWasAnsweredBeforeThereWereChoicesIsKnownAgain(t *testing.T) {
	i := &ingest.Instruction{Source: "payroll", ID: "c1", Pot: "p1", InstructedOn: schemas.DateOf(2008, 3, 17), Body: &ingest.Contribution{
		Cash: 100_00, Split: []ingest.SplitPart{{Asset: "GB00X", Weight: schemas.WeightOne}},
	}}
	digest := digestOf(i)
	if got := hex.EncodeToString(digest[:]); got != "4f6170189cac75536b09d93e0ed43c8c" {
		t.Errorf("the digest is %s", got)
	}
	i.Body = &ingest.Contribution{Cash: 100_00}
	byNothing := digestOf(i)
	i.Body = &ingest.Contribution{Cash: 100_00, ByChoice: true}
	if digestOf(i) == byNothing {
		t.Error("a contribution by choice has the digest of one that stays in cash")
	}
}

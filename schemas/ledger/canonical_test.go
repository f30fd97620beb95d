package ledger

import (
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
)

func TestACanonicalLineNamesTheCauseUnlessTimingChoosesIt(t *testing.T) {
	trade := schemas.DeriveID("trade")
	line := func(source schemas.SourceID, cause, stage string, trade *schemas.ID) string {
		j := Journal{Source: source, Cause: cause, Postings: []Posting{{Stage: stage, Asset: schemas.Cash, Scale: 2, Quantity: 1, From: PotAvailable, To: PotPayable, Trade: trade}}}
		return string(j.AppendCanonical(nil, 0))
	}
	for name, c := range map[string]struct {
		source schemas.SourceID
		stage  string
		trade  *schemas.ID
		named  bool
	}{
		"what a member asked for":         {"payroll", "withdrawn", nil, true},
		"a charge":                        {"dealing", "charged", nil, true},
		"a share of a trade":              {"dealing", "settled", &trade, false},
		"what a transfer out has brought": {"dealing", "withdrawn", nil, false},
	} {
		if named := line(c.source, "first", c.stage, c.trade) != line(c.source, "second", c.stage, c.trade); named != c.named {
			t.Errorf("%s: the line depends on the cause: %t, want %t", name, named, c.named)
		}
	}
}

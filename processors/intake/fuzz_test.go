package intake_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
)

// FuzzDoors throws anything at each door. Whatever it is becomes exactly one inbox record or one rejection, a status may stand
// beside a rejection, and nobody's bytes are copied into one.
func FuzzDoors(f *testing.F) {
	contribution := &ingest.Instruction{Source: "portal", ID: "c1", Pot: "p1", InstructedOn: 13955, Body: &ingest.Contribution{
		Cash: 10000, Split: []ingest.SplitPart{{Asset: "X", Weight: 600_000}, {Asset: "Y", Weight: 400_000}},
	}}
	f.Add("", contribution.AppendAvro(nil))
	path, target := schemas.PathCode("LIFESTYLE"), schemas.Date(22_000)
	for _, body := range []ingest.InstructionBody{
		&ingest.Contribution{Cash: 10000, ByChoice: true},
		&ingest.InvestmentChoice{Split: []ingest.SplitPart{{Asset: "X", Weight: 600_000}, {Asset: "Y", Weight: 400_000}}},
		&ingest.InvestmentChoice{Path: &path, Target: &target},
		&ingest.InvestmentChoice{},
	} {
		f.Add("", (&ingest.Instruction{Source: "portal", ID: "i1", Pot: "p1", InstructedOn: 13955, Body: body}).AppendAvro(nil))
	}
	f.Add("k", (&ingest.ReferenceData{Source: "r", ID: "g", Entry: reference.Entry{Body: &reference.GlidePath{Code: "LIFESTYLE", EffectiveFrom: 13955, Rows: []reference.PathRow{
		{Years: 10, Split: []reference.PathPart{{Asset: "X", Weight: schemas.WeightOne}}}, {Split: []reference.PathPart{{Asset: "Y", Weight: schemas.WeightOne}}},
	}}}}).AppendAvro(nil))
	f.Add("!0", (&ingest.Instruction{Body: &ingest.Tick{}}).AppendAvro(nil))
	f.Add("k", (&ingest.Price{Source: "v", Asset: "X", Date: 13955, Close: 250_000_000}).AppendAvro(nil))
	f.Add("k", (&ingest.Confirmation{Custodian: "C", ID: "f", Body: &ingest.FillPriced{Piece: 1, Cash: 1, Units: 1, Price: 1}}).AppendAvro(nil))
	f.Add("k", (&ingest.Operation{Operator: "ann", ID: "o", Reason: "why", Body: &ingest.PriceRelease{Asset: "X", Price: 1}}).AppendAvro(nil))
	f.Add("k", (&ingest.Operation{Operator: "ann", ID: "o", Reason: "why", Body: &ingest.ParkedDrop{Process: "pot", Key: "p1", Offset: 1}}).AppendAvro(nil))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		for _, process := range intake.Processes([]byte("secret")) {
			record := streams.Record{Topic: process.Inbox.Name, Key: key, Value: value, Size: len(value), Digest: sha256.Sum256(value)}
			record.Timestamp = schemas.Instant(1)
			passed, refused, told := 0, 0, 0
			for _, out := range admit(t, process.Inbox.Name, record, false) {
				switch v := out.Value.(type) {
				case *audit.Rejection:
					refused++
					if v.Digest != audit.Digest(record.Digest) || v.Topic != process.Inbox.Name || v.Code == "" || v.Reason == "" {
						t.Errorf("%s rejects with %+v", process.Name, v)
					}
				case *status.InstructionStatus:
					told++
				default:
					passed++
					if strings.HasPrefix(out.Key, "!") && out.Topic == streams.PotInbox {
						t.Errorf("%s lets the key %q through to pots", process.Name, out.Key)
					}
				}
			}
			if passed+refused != 1 || told > refused {
				t.Errorf("%s: %d passed on, %d refused, %d told", process.Name, passed, refused, told)
			}
		}
	})
}

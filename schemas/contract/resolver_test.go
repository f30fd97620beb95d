package contract_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/contract"
	"github.com/penstock-ledger/penstock/schemas/internal/fixture"
)

func TestTheSameSchemaNeedsNoConversion(t *testing.T) {
	spaced := strings.ReplaceAll(base, `"name":"amount"`, `"doc": "other words", "name" : "amount"`)
	r, err := contract.NewResolver(spaced, base)
	if err != nil || !r.Identity() {
		t.Fatalf("resolver is %v, %v", r, err)
	}
	if got, err := r.Convert([]byte{1}, []byte{2, 3}); err != nil || !bytes.Equal(got, []byte{1, 2, 3}) {
		t.Errorf("converted to % x, %v", got, err)
	}
}

func TestACopyWithoutNamesOfGoTypesNeedsNoConversion(t *testing.T) {
	ours := `{"type":"record","name":"R","fields":[{"name":"pot","type":{"type":"string","goType":"PotID"}}]}`
	theirs := `{"type":"record","name":"R","fields":[{"name":"pot","type":"string"}]}`
	r, err := contract.NewResolver(theirs, ours)
	if err != nil || !r.Identity() {
		t.Fatalf("resolver is %v, %v", r, err)
	}
}

// everything gives a record with values that a detour through times and fractions would lose.
func everything() *fixture.Everything {
	amount, text := schemas.Money(-1), "x"
	side := fixture.SideSellAll
	return &fixture.Everything{
		Flag: true, Small: -5, Big: 1<<62 + 1, Text: "text", Raw: []byte{0, 255}, Digest: fixture.Short{1, 2, 3, 4},
		Reference: schemas.ID{9}, ID: schemas.ID{8, 7}, On: -1, At: -62135596800001, Amount: 999_999_999_999_999_999,
		Price: 1, Weight: -999_999_999, Held: 1 << 60, Side: side, Sides: []fixture.Side{fixture.SideBuy, side},
		MaybeSide: &side, MaybeText: &text, MaybeAmount: &amount, MaybeDigest: &fixture.Short{5},
		MaybeCause: &fixture.Cause{Source: "s", ReceivedAt: 253402300800000}, Rows: [][]int64{{1}, {2, 3}},
		Body: &fixture.Bought{Order: "o"}, MaybeBody: &fixture.Opened{},
		Bodies: []fixture.Body{&fixture.Cause{Offset: 7}, &fixture.Opened{}, &fixture.Bought{Order: "p"}},
	}
}

func TestConversionLosesNothing(t *testing.T) {
	// A field at the front that only the writer has makes the schemas differ and all else stay.
	writer := strings.Replace(fixture.EverythingSchema, `"fields":[`, `"fields":[{"name":"old","type":"string"},`, 1)
	r, err := contract.NewResolver(writer, fixture.EverythingSchema)
	if err != nil || r.Identity() {
		t.Fatalf("resolver is %v, %v", r, err)
	}
	want := everything().AppendAvro(nil)
	got, err := r.Convert(nil, append(avrobin.AppendString(nil, "dropped"), want...))
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("converted to % x, %v\nwant % x", got, err, want)
	}
}

func TestMissingFieldsGetTheirDefaults(t *testing.T) {
	reader := strings.Replace(fixture.CauseSchema, `"fields":[`, `"fields":[{"name":"n","type":"long","default":42},
		{"name":"m","type":["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}],"default":null},
		{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2},"default":"\u0001"},`, 1)
	r, err := contract.NewResolver(fixture.CauseSchema, reader)
	if err != nil {
		t.Fatal(err)
	}
	written := (&fixture.Cause{Source: "s", InstructionID: "i", ReceivedAt: 1, Partition: 2, Offset: 3}).AppendAvro(nil)
	want := avrobin.AppendLong(nil, 42)
	want = append(want, 0, 2, 1)
	want = append(want, written...)
	if got, err := r.Convert(nil, written); err != nil || !bytes.Equal(got, want) {
		t.Errorf("converted to % x, %v, want % x", got, err, want)
	}
}

func TestDecimalsPassAsTheyWereWritten(t *testing.T) {
	// A padded decimal is the same number, and stays padded: what a sender wrote is not rewritten on the way.
	const writer = `{"type":"record","name":"R","fields":[{"name":"x","type":"long"},
		{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}`
	reader := strings.Replace(writer, `{"name":"x","type":"long"},`, "", 1)
	r, err := contract.NewResolver(writer, reader)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Convert(nil, []byte("\x02\x06\xff\xff\xfe")); err != nil || string(got) != "\x06\xff\xff\xfe" {
		t.Errorf("converted to % x, %v", got, err)
	}
}

func TestFieldsAreReordered(t *testing.T) {
	const ab = `{"type":"record","name":"R","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"}]}`
	const ba = `{"type":"record","name":"R","fields":[{"name":"b","type":"string"},{"name":"a","type":"long"}]}`
	r, err := contract.NewResolver(ab, ba)
	if err != nil {
		t.Fatal(err)
	}
	written := avrobin.AppendString(avrobin.AppendLong(nil, 7), "x")
	want := avrobin.AppendLong(avrobin.AppendString(nil, "x"), 7)
	if got, err := r.Convert(nil, written); err != nil || !bytes.Equal(got, want) {
		t.Errorf("converted to % x, %v, want % x", got, err, want)
	}
}

func TestBranchesKeepTheirRecord(t *testing.T) {
	// Both records look alike, and stand in another order: only the name tells them apart.
	const writer = `{"type":"record","name":"R","fields":[{"name":"b","type":[
		{"type":"record","name":"X","fields":[{"name":"v","type":"long"}]},{"type":"record","name":"Y","fields":[{"name":"v","type":"long"}]}]}]}`
	const reader = `{"type":"record","name":"R","fields":[{"name":"b","type":["null",
		{"type":"record","name":"Y","fields":[{"name":"v","type":"long"}]},{"type":"record","name":"X","fields":[{"name":"v","type":"long"}]}]}]}`
	r, err := contract.NewResolver(writer, reader)
	if err != nil {
		t.Fatal(err)
	}
	for written, want := range map[string]string{"\x00\x08": "\x04\x08", "\x02\x08": "\x02\x08"} {
		if got, err := r.Convert(nil, []byte(written)); err != nil || string(got) != want {
			t.Errorf("% x converted to % x, %v, want % x", written, got, err, want)
		}
	}
}

func TestIncompatibleWritersAreRefused(t *testing.T) {
	cases := []struct{ name, old, next, want string }{
		{"scale", `"scale":2`, `"scale":3`, "Base.amount: the scale"},
		{"precision", `"precision":18,"scale":6`, `"precision":12,"scale":6`, "Base.rows[].units: the precision"},
		{"decimal dropped", `"logicalType":"decimal","precision":18,"scale":2,`, ``, "Base.amount: the logical type"},
		{"micros", `timestamp-millis`, `timestamp-micros`, "Base.at: the logical type"},
		{"string to bytes", `{"type":"string","goType":"PotID"}`, `"bytes"`, "Base.pot: the type"},
		{"fixed size", `"size":32`, `"size":31`, "Base.digest: the size"},
		{"field missing", `{"name":"on","type":{"type":"int","logicalType":"date"}},`, ``, "on"},
		{"unknown branch", `"name":"Opened"`, `"name":"Started"`, "Base.body[0]: the branch"},
		{"unknown symbol", `"BUY"`, `"BOUGHT"`, "BOUGHT"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := contract.NewResolver(change(t, c.old, c.next), base)
			if !errors.Is(err, contract.ErrIncompatible) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one about %q", err, c.want)
			}
		})
	}
	if _, err := contract.NewResolver("{", base); err == nil {
		t.Error("a writer's schema that is no JSON was taken")
	}
}

func TestConvertRefusesBadRecords(t *testing.T) {
	writer := strings.Replace(fixture.CauseSchema, `"fields":[`, `"fields":[{"name":"old","type":"string"},`, 1)
	r, err := contract.NewResolver(writer, fixture.CauseSchema)
	if err != nil {
		t.Fatal(err)
	}
	good := append(avrobin.AppendString(nil, ""), (&fixture.Cause{Source: "s"}).AppendAvro(nil)...)
	if _, err := r.Convert(nil, good); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Convert(nil, good[:len(good)-1]); err == nil {
		t.Error("a record that is cut off was taken")
	}
	if _, err := r.Convert(nil, append(good, 0)); err == nil {
		t.Error("a record with bytes left was taken")
	}
}

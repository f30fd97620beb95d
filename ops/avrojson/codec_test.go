package avrojson

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

func codec(t *testing.T, schema string) *Codec {
	t.Helper()
	c, err := New(schema)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAnInstructionIsWrittenAsPeopleWriteIt(t *testing.T) {
	c := codec(t, ingest.InstructionSchema)
	const text = `{"source":"portal","id":"c1","pot":"p1","instructedOn":"2008-03-20","body":{"Contribution":{"cash":"100.50","split":[{"asset":"IBM","weight":"1.000000"}]}}}`
	payload, err := c.Encode(nil, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var i ingest.Instruction
	r := avrobin.NewReader(payload)
	i.DecodeAvro(r)
	body, ok := i.Body.(*ingest.Contribution)
	if err := r.Done(); err != nil || !ok || body.Cash != 100_50 || body.Split[0].Weight != schemas.WeightOne || i.InstructedOn.String() != "2008-03-20" {
		t.Fatalf("our own reader has %+v, %v", i, err)
	}
	// What was left out has its default.
	want := strings.Replace(text, `}]}}}`, `}],"byChoice":false}}}`, 1)
	back, err := c.Decode(payload)
	if err != nil || string(back) != want {
		t.Errorf("back: %s, %v", back, err)
	}
}

func TestFullNamesOfTypesAreUnderstood(t *testing.T) {
	c := codec(t, ingest.InstructionSchema)
	long := `{"source":"portal","id":"b1","pot":"p1","instructedOn":"2008-03-20","body":{"penstock.ingest.Buy":{"asset":"IBM","cash":12}}}`
	short := strings.Replace(long, "penstock.ingest.Buy", "Buy", 1)
	a, errA := c.Encode(nil, []byte(long))
	b, errB := c.Encode(nil, []byte(short))
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("%x %v, %x %v", a, errA, b, errB)
	}
}

func TestWhatDoesNotFitIsRefusedWithItsPlace(t *testing.T) {
	instruction := codec(t, ingest.InstructionSchema)
	with := func(body string) string {
		return `{"source":"portal","id":"c1","pot":"p1","instructedOn":"2008-03-20","body":` + body + `}`
	}
	for name, test := range map[string]struct{ text, says string }{
		"not JSON":          {`{"source":`, "reading JSON"},
		"two values":        {with(`{"PotOpened":{}}`) + ` {}`, "something follows"},
		"a missing field":   {`{"source":"portal"}`, `needs the field "id"`},
		"an unknown field":  {with(`{"Buy":{"asset":"IBM","cash":"1.00","units":1}}`), `no field "units"`},
		"no type":           {with(`{"asset":"IBM"}`), "the types are PotOpened, Contribution, Buy, Cancel, Tick"},
		"an unknown type":   {with(`{"Borrow":{}}`), `no type "Borrow"`},
		"too fine a cash":   {with(`{"Buy":{"asset":"IBM","cash":"1.001"}}`), "field body.Buy.cash: is"},
		"an exponent":       {with(`{"Buy":{"asset":"IBM","cash":1e2}}`), "field body.Buy.cash"},
		"too many digits":   {with(`{"Buy":{"asset":"IBM","cash":"12345678901234567.00"}}`), "at most 18 digits"},
		"a wrong date":      {strings.Replace(with(`{"PotOpened":{}}`), "2008-03-20", "20/03/2008", 1), "a date such as"},
		"a wrong list item": {with(`{"Contribution":{"cash":"1.00","split":[{"asset":1,"weight":"1"}]}}`), "field body.Contribution.split[0].asset"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := instruction.Encode(nil, []byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v does not say %q", err, test.says)
			}
		})
	}
}

func TestJournalsAndReferenceDataAreReadable(t *testing.T) {
	pot, balance := schemas.PotID("p1"), schemas.Quantity(-1_500_000)
	journal := ledger.Journal{ID: schemas.DeriveID("x"), Shard: 1, Sequence: 7, Pot: &pot, RecordedAt: 1206000000123, Postings: []ledger.Posting{
		{Leg: 1, Stage: "reserved", Asset: "GBP", Scale: 2, Quantity: 1_500_000, From: "pot:available", To: "pot:reserved", EffectiveOn: 13958, FromBalance: &balance},
	}}
	c := codec(t, ledger.JournalSchema)
	text, err := c.Decode(journal.AppendAvro(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"pot":"p1"`, `"recordedAt":"2008-03-20T08:00:00.123Z"`, `"quantity":"1.500000"`, `"fromBalance":"-1.500000"`, `"toBalance":null`, `"effectiveOn":"2008-03-20"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
	again, err := c.Encode(nil, text)
	if err != nil || string(again) != string(journal.AppendAvro(nil)) {
		t.Errorf("there and back: %v", err)
	}
	data := ingest.ReferenceData{Source: "s", ID: "1", Entry: reference.Entry{Body: &reference.Custodian{ID: "crest", Name: "C"}}}
	text, err = codec(t, ingest.ReferenceDataSchema).Decode(data.AppendAvro(nil))
	if want := `{"source":"s","id":"1","entry":{"body":{"Custodian":{"id":"crest","name":"C","quantityDigits":0}}}}`; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}

func TestDecimalsSurviveBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scale := rapid.IntRange(0, 8).Draw(t, "scale")
		value := big.NewInt(rapid.Int64().Draw(t, "value"))
		if got := fromTwosComplement(twosComplement(value)); got.Cmp(value) != 0 {
			t.Fatalf("bytes of %s read as %s", value, got)
		}
		text := decimalText(value, scale)
		back, ok := unscaled(text, scale)
		if !ok || back.Cmp(value) != 0 {
			t.Fatalf("%s reads as %s", text, back)
		}
		if raw := twosComplement(value); len(raw) > 1 && (raw[0] == 0 && raw[1] < 0x80 || raw[0] == 0xff && raw[1] >= 0x80) {
			t.Fatalf("% x is not the shortest form", raw)
		}
	})
}

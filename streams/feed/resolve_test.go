package feed

import (
	"errors"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/streams"
)

// price is a record as its vendor sends it, and its payload.
func price() (ingest.Price, []byte) {
	p := ingest.Price{Source: "vendor", Asset: "GB00X", Date: 13_960, Close: 13_327_000_000, Quotation: reference.QuotationPence}
	return p, p.AppendAvro(nil)
}

func newPrices(t *testing.T) *registryFixture {
	t.Helper()
	registry := newRegistry(t, RegistryOptions{Resolve: ByContract})
	if err := registry.Register(t.Context(), []streams.Topic{streams.TopicNamed(streams.IngestPrice)}); err != nil {
		t.Fatal(err)
	}
	return registry
}

// edited returns our price schema as a vendor might have written it.
func edited(t *testing.T, old, replacement string) string {
	t.Helper()
	text := strings.Replace(ingest.PriceSchema, old, replacement, 1)
	if text == ingest.PriceSchema {
		t.Fatalf("%q is not in the price schema", old)
	}
	return text
}

func TestVendorsOwnWordingOfOurSchemaIsReadAsItIs(t *testing.T) {
	for name, test := range map[string]struct {
		schema string
		copied bool
	}{
		"other descriptions": {edited(t, `"doc":"The vendor."`, `"doc":"Us."`), false},
		"no Go types":        {edited(t, `,"goType":"Price"`, ``), true},
	} {
		t.Run(name, func(t *testing.T) {
			registry := newPrices(t)
			id := registry.seed(t, "vendor-value", test.schema)
			_, payload := price()
			framed := framedBy(id, string(payload))
			got, err := registry.Unframe(t.Context(), streams.IngestPrice, framed)
			if err != nil || string(got) != string(payload) {
				t.Fatalf("got % x, %v", got, err)
			}
			if !test.copied && &got[0] != &framed[frameLength] {
				t.Error("the payload was copied")
			}
		})
	}
}

func TestVendorsExtraFieldIsDropped(t *testing.T) {
	registry := newPrices(t)
	id := registry.seed(t, "vendor-value", edited(t, `"fields":[`, `"fields":[{"name":"venue","type":"string"},`))
	want, payload := price()
	foreign := append(avrobin.AppendString(nil, "LSE"), payload...)
	got, err := registry.Unframe(t.Context(), streams.IngestPrice, framedBy(id, string(foreign)))
	if err != nil {
		t.Fatal(err)
	}
	var read ingest.Price
	r := avrobin.NewReader(got)
	read.DecodeAvro(r)
	if err := r.Done(); err != nil || read != want {
		t.Errorf("got %+v, %v", read, err)
	}
	for name, broken := range map[string][]byte{"cut off": foreign[:len(foreign)-1], "too long": append(foreign, 0)} {
		_, err := registry.Unframe(t.Context(), streams.IngestPrice, framedBy(id, string(broken)))
		var refusal *streams.Unreadable
		if !errors.As(err, &refusal) || refusal.Code != CodeUndecodable {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestSchemasThatWouldMeanAnotherAmountAreRefused(t *testing.T) {
	for name, schema := range map[string]string{
		"another scale": edited(t, `"scale":8`, `"scale":6`),
		"no decimal":    edited(t, `{"type":"bytes","logicalType":"decimal","precision":18,"scale":8,"goType":"Price"}`, `"bytes"`),
		"a float":       edited(t, `{"type":"bytes","logicalType":"decimal","precision":18,"scale":8,"goType":"Price"}`, `"double"`),
		"missing field": edited(t, `{"name":"source","type":{"type":"string","goType":"SourceID"},"doc":"The vendor."},`, ``),
		"another thing": ingest.OperationSchema,
		"no schema":     `{"type":"unheard-of","name":"Price"}`,
	} {
		t.Run(name, func(t *testing.T) {
			registry := newPrices(t)
			registry.fake.SeedSchema("vendor-value", 1, 500, avroSchema(schema))
			_, payload := price()
			_, err := registry.Unframe(t.Context(), streams.IngestPrice, framedBy(500, string(payload)))
			var refusal *streams.Unreadable
			if !errors.As(err, &refusal) || refusal.Code != schemas.Code("intake/schema-incompatible") {
				t.Errorf("got %v", err)
			}
		})
	}
}

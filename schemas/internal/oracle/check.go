package oracle

import (
	"bytes"
	"encoding/json"
	"reflect"
	"runtime"
	"testing"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/avro"
	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/schemas/avrobin"
)

// Record is a generated record type.
type Record interface {
	AppendAvro(b []byte) []byte
	DecodeAvro(r *avrobin.Reader)
}

// Check compares a generated record type with both libraries, on random values.
func Check(t *testing.T, schema string, fresh func() Record) {
	t.Helper()
	twmb := avro.MustParse(schema)
	root := twmb.Root()
	node := root.ExpandReferences()
	linkedin, err := goavro.NewCodec(withoutLogical(t, schema))
	if err != nil {
		t.Fatalf("goavro refuses the schema: %v", err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		value := draw(rt, node)
		want, err := twmb.Encode(forTwmb(node, value))
		if err != nil {
			rt.Fatalf("twmb/avro can't encode %v: %v", value, err)
		}
		other, err := linkedin.BinaryFromNative(nil, forGoavro(node, value))
		if err != nil {
			rt.Fatalf("goavro can't encode %v: %v", value, err)
		}
		record := decode(rt, fresh, want)
		if err := same("record", node, value, reflect.ValueOf(record)); err != nil {
			rt.Fatal(err)
		}
		if !reflect.DeepEqual(record, decode(rt, fresh, other)) {
			rt.Fatalf("the bytes of goavro % x decode to something else than % x", other, want)
		}
		got := record.AppendAvro(nil)
		if !bytes.Equal(got, want) || !bytes.Equal(got, other) {
			rt.Fatalf("encoded % x\ntwmb/avro % x\ngoavro % x", got, want, other)
		}
		readBack(rt, twmb, linkedin, got)
	})
}

// readBack lets both libraries read what the generated code wrote, and write it again.
func readBack(rt *rapid.T, twmb *avro.Schema, linkedin *goavro.Codec, got []byte) {
	var generic any
	if rest, err := twmb.Decode(got, &generic, avro.TaggedUnions()); err != nil || len(rest) > 0 {
		rt.Fatalf("twmb/avro reads ours: %v, %d bytes left", err, len(rest))
	}
	if again, err := twmb.Encode(generic); err != nil || !bytes.Equal(again, got) {
		rt.Fatalf("twmb/avro writes ours again: %v\n% x, want\n% x", err, again, got)
	}
	native, rest, err := linkedin.NativeFromBinary(got)
	if err != nil || len(rest) > 0 {
		rt.Fatalf("goavro reads ours: %v, %d bytes left", err, len(rest))
	}
	if again, err := linkedin.BinaryFromNative(nil, native); err != nil || !bytes.Equal(again, got) {
		rt.Fatalf("goavro writes ours again: %v\n% x, want\n% x", err, again, got)
	}
}

func decode(rt *rapid.T, fresh func() Record, b []byte) Record {
	record := fresh()
	r := avrobin.NewReader(b)
	record.DecodeAvro(r)
	if err := r.Done(); err != nil {
		rt.Fatalf("decoding % x: %v", b, err)
	}
	return record
}

// allocationMax is the number of bytes that decoding may allocate for each byte of input; allocationBase what it may
// allocate whatever the input is, and what the measurement itself costs.
const (
	allocationMax  = 1024
	allocationBase = 64 << 10
)

// Fuzz feeds arbitrary bytes to the decoder: it never panics, allocates in proportion to the input, and what it
// accepts is written and read again to the same value.
func Fuzz(f *testing.F, schema string, fresh func() Record) {
	f.Helper()
	parsed := avro.MustParse(schema)
	root := parsed.Root()
	node := root.ExpandReferences()
	encoded := rapid.Custom(func(t *rapid.T) []byte {
		b, err := parsed.Encode(forTwmb(node, draw(t, node)))
		if err != nil {
			t.Fatalf("encoding a seed: %v", err)
		}
		return b
	})
	for seed := range 20 {
		f.Add(encoded.Example(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		record := fresh()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := avrobin.NewReader(b)
		record.DecodeAvro(r)
		err := r.Done()
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > allocationBase+allocationMax*uint64(len(b)) {
			t.Fatalf("decoding %d bytes allocated %d", len(b), used)
		}
		if err != nil {
			return
		}
		written := record.AppendAvro(nil)
		again := fresh()
		r.Reset(written)
		again.DecodeAvro(r)
		if err := r.Done(); err != nil {
			t.Fatalf("decoding what was written: %v", err)
		}
		if !reflect.DeepEqual(record, again) {
			t.Fatalf("decoded %+v, then %+v", record, again)
		}
	})
}

// withoutLogical removes all logical types but decimal from a schema. goavro turns dates and timestamps into
// local times, where some days do not exist; their bytes are those of the type below.
func withoutLogical(t *testing.T, schema string) string {
	var tree any
	if err := json.Unmarshal([]byte(schema), &tree); err != nil {
		t.Fatalf("parsing the schema: %v", err)
	}
	strip(tree)
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatalf("writing the schema: %v", err)
	}
	return string(text)
}

func strip(tree any) {
	switch v := tree.(type) {
	case map[string]any:
		if v["logicalType"] != "decimal" {
			delete(v, "logicalType")
		}
		for _, inner := range v {
			strip(inner)
		}
	case []any:
		for _, inner := range v {
			strip(inner)
		}
	}
}

package avrobin_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/linkedin/goavro/v2"
	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/schemas/avrobin"
)

func TestDecimalsAreThoseOfAnotherLibrary(t *testing.T) {
	codec, err := goavro.NewCodec(`{"type":"bytes","logicalType":"decimal","precision":18,"scale":2}`)
	if err != nil {
		t.Fatal(err)
	}
	const bound = 1e18 - 1
	rapid.Check(t, func(rt *rapid.T) {
		quanta := rapid.Int64Range(-bound, bound).Draw(rt, "quanta")
		got := avrobin.AppendDecimal(nil, quanta, 18)
		want, err := codec.BinaryFromNative(nil, big.NewRat(quanta, 100))
		if err != nil {
			rt.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			rt.Fatalf("%d is written % x, want % x", quanta, got, want)
		}
		r := avrobin.NewReader(got)
		if back := r.Decimal(18); back != quanta || r.Done() != nil {
			rt.Fatalf("%d is read as %d, %v", quanta, back, r.Err())
		}
	})
}

func TestPaddedDecimalsAreTheSameNumber(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		quanta := rapid.Int64Range(-99999, 99999).Draw(rt, "quanta")
		minimal := avrobin.AppendDecimal(nil, quanta, 5)[1:]
		padding := bytes.Repeat([]byte{byte(quanta >> 63)}, rapid.IntRange(0, 30).Draw(rt, "padding"))
		r := avrobin.NewReader(avrobin.AppendBytes(nil, append(padding, minimal...)))
		if got := r.Decimal(5); got != quanta || r.Done() != nil {
			rt.Fatalf("%d is read as %d, %v", quanta, got, r.Err())
		}
	})
}

func TestDecimalsBeyondThePrecisionAreRefused(t *testing.T) {
	for _, n := range []*big.Int{
		big.NewInt(100000), big.NewInt(-100000), big.NewInt(math.MaxInt64), big.NewInt(math.MinInt64),
		new(big.Int).Lsh(big.NewInt(1), 64), new(big.Int).Lsh(big.NewInt(5), 72),
	} {
		b := append([]byte{0}, n.Bytes()...) // positive
		if n.Sign() < 0 {
			b = binary.BigEndian.AppendUint64(nil, uint64(n.Int64()))
		}
		r := avrobin.NewReader(avrobin.AppendBytes(nil, b))
		if got := r.Decimal(5); got != 0 || !errors.Is(r.Done(), avrobin.ErrPrecision) {
			t.Errorf("%v is read as %d, %v", n, got, r.Err())
		}
	}
}

func TestWritingBeyondThePrecisionPanics(t *testing.T) {
	for _, quanta := range []int64{1000, -1000, math.MaxInt64, math.MinInt64} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d was written at precision 3", quanta)
				}
			}()
			avrobin.AppendDecimal(nil, quanta, 3)
		}()
	}
	avrobin.AppendDecimal(nil, 999, 3)
	avrobin.AppendDecimal(nil, -999, 3)
}

func TestUUIDsAreCanonicalText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		id := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "id"))
		if got := avrobin.AppendUUID(nil, id); !bytes.Equal(got, avrobin.AppendString(nil, id.String())) {
			rt.Fatalf("%s is written %q", id, got)
		}
		for _, text := range []string{id.String(), strings.ToUpper(id.String())} {
			r := avrobin.NewReader(avrobin.AppendString(nil, text))
			if got := r.UUID(); got != id || r.Done() != nil {
				rt.Fatalf("%s is read as %x, %v", text, got, r.Err())
			}
		}
	})
}

func TestOtherFormsOfUUIDAreRefused(t *testing.T) {
	const good = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	for _, text := range []string{
		"", strings.ReplaceAll(good, "-", ""), "{" + good + "}", "urn:uuid:" + good, good[:35], good + "0",
		"6ba7b8109-dad-11d1-80b4-00c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430cg", "6ba7b810-9dad-11d1-80b4-00c04fd430\xff8",
	} {
		r := avrobin.NewReader(avrobin.AppendString(nil, text))
		if got := r.UUID(); got != [16]byte{} || !errors.Is(r.Done(), avrobin.ErrUUID) {
			t.Errorf("%q is read as %x, %v", text, got, r.Err())
		}
	}
}

func TestEachKindOfBadInputHasItsError(t *testing.T) {
	long := func(v int64) []byte { return avrobin.AppendLong(nil, v) }
	cases := []struct {
		name  string
		input []byte
		read  func(*avrobin.Reader)
		want  error
	}{
		{"no long", nil, func(r *avrobin.Reader) { r.Long() }, avrobin.ErrShort},
		{"half a long", []byte{0x80}, func(r *avrobin.Reader) { r.Long() }, avrobin.ErrShort},
		{"long of 11 bytes", bytes.Repeat([]byte{0xff}, 11), func(r *avrobin.Reader) { r.Long() }, avrobin.ErrVarint},
		{"int above", long(math.MaxInt32 + 1), func(r *avrobin.Reader) { r.Int() }, avrobin.ErrRange},
		{"int below", long(math.MinInt32 - 1), func(r *avrobin.Reader) { r.Int() }, avrobin.ErrRange},
		{"no boolean", nil, func(r *avrobin.Reader) { r.Bool() }, avrobin.ErrShort},
		{"boolean 2", []byte{2}, func(r *avrobin.Reader) { r.Bool() }, avrobin.ErrBool},
		{"symbol too high", long(3), func(r *avrobin.Reader) { r.Enum(3) }, avrobin.ErrEnum},
		{"symbol negative", long(-1), func(r *avrobin.Reader) { r.Enum(3) }, avrobin.ErrEnum},
		{"branch too high", long(2), func(r *avrobin.Reader) { r.Union(2) }, avrobin.ErrUnion},
		{"branch negative", long(-1), func(r *avrobin.Reader) { r.Union(2) }, avrobin.ErrUnion},
		{"string longer than the input", long(math.MaxInt64), func(r *avrobin.Reader) { _ = r.String() }, avrobin.ErrShort},
		{"string of negative length", long(-1), func(r *avrobin.Reader) { _ = r.String() }, avrobin.ErrLength},
		{"string not UTF-8", []byte{4, 'a', 0xff}, func(r *avrobin.Reader) { _ = r.String() }, avrobin.ErrUTF8},
		{"bytes longer than the input", long(1), func(r *avrobin.Reader) { r.Bytes() }, avrobin.ErrShort},
		{"fixed cut off", []byte{1, 2, 3}, func(r *avrobin.Reader) { r.Fixed(make([]byte, 4)) }, avrobin.ErrShort},
		{"decimal without bytes", long(0), func(r *avrobin.Reader) { r.Decimal(18) }, avrobin.ErrDecimal},
		{"uuid cut off", long(36), func(r *avrobin.Reader) { r.UUID() }, avrobin.ErrShort},
		{"block larger than the input", append(long(3), 0, 0), func(r *avrobin.Reader) { r.Block(1) }, avrobin.ErrShort},
		{"block larger than its items", append(long(2), 0, 0, 0), func(r *avrobin.Reader) { r.Block(2) }, avrobin.ErrShort},
		{"block of the least count", append(long(math.MinInt64), 0), func(r *avrobin.Reader) { r.Block(1) }, avrobin.ErrLength},
		{"block of negative size", append(long(-1), long(-1)...), func(r *avrobin.Reader) { r.Block(1) }, avrobin.ErrLength},
		{"bytes left", []byte{2, 2}, func(r *avrobin.Reader) { r.Long() }, avrobin.ErrTrailing},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := avrobin.NewReader(c.input)
			c.read(r)
			if err := r.Done(); !errors.Is(err, c.want) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
		})
	}
}

func TestTheFirstErrorSticks(t *testing.T) {
	r := avrobin.NewReader([]byte{2, 2, 7, 2, 2})
	r.Long()
	r.Long()
	r.Bool()
	if r.Long() != 0 || r.String() != "" || r.Union(2) != -1 || r.Block(1) != 0 || r.Bytes() != nil || r.Bool() {
		t.Error("a read after an error gave a value")
	}
	var e *avrobin.Error
	if !errors.As(r.Done(), &e) || !errors.Is(e.Kind, avrobin.ErrBool) || e.Offset != 2 {
		t.Errorf("the error became %v", r.Err())
	}
	r.Reset([]byte{2})
	if r.Long() != 1 || r.Done() != nil {
		t.Errorf("after Reset the error is %v", r.Err())
	}
}

func TestBlocksWithTheirSizeAreRead(t *testing.T) {
	// Two items in a block that gives its size, one in a block that doesn't, the end.
	input := []byte{3, 4, 10, 12, 2, 14, 0}
	r := avrobin.NewReader(input)
	var got []int64
	for n := r.Block(1); n > 0; n = r.Block(1) {
		for range n {
			got = append(got, r.Long())
		}
	}
	if r.Done() != nil || len(got) != 3 || got[0] != 5 || got[1] != 6 || got[2] != 7 {
		t.Errorf("read %v, %v", got, r.Err())
	}
}

func TestStringsDoNotFollowTheInput(t *testing.T) {
	input := avrobin.AppendString(avrobin.AppendString(nil, "one"), "two")
	r := avrobin.NewReader(input)
	first := r.String()
	clear(input[:4])
	if second := r.String(); first != "one" || second != "two" {
		t.Errorf("read %q and %q", first, second)
	}
}

func TestLongsAreReadBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := rapid.Int64().Draw(rt, "v")
		r := avrobin.NewReader(avrobin.AppendLong(nil, v))
		if got := r.Long(); got != v || r.Done() != nil {
			rt.Fatalf("%d is read as %d, %v", v, got, r.Err())
		}
	})
}

package schemas_test

import (
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/schemas"
)

func TestProductsAndRatiosAreExactOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64Min(0).Draw(t, "a"), rapid.Int64Min(0).Draw(t, "b")
		c := rapid.Int64Min(1).Draw(t, "c")
		product := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		floor, rest := new(big.Int).QuoRem(product, big.NewInt(c), new(big.Int))
		ceil := new(big.Int).Set(floor)
		if rest.Sign() > 0 {
			ceil.Add(ceil, big.NewInt(1))
		}
		check(t, "floor", floor, schemas.MulDivFloor, a, b, c)
		check(t, "ceil", ceil, schemas.MulDivCeil, a, b, c)
	})
}

func check(t *rapid.T, name string, want *big.Int, f func(a, b, c int64) (int64, error), a, b, c int64) {
	got, err := f(a, b, c)
	if want.IsInt64() != (err == nil) || err == nil && got != want.Int64() {
		t.Fatalf("%s of %d*%d/%d is %d, %v; want %s", name, a, b, c, got, err, want)
	}
}

func TestRatiosRefuseWhatTheyWereNotAsked(t *testing.T) {
	for _, args := range [][3]int64{{-1, 1, 1}, {1, -1, 1}, {1, 1, 0}, {1, 1, -1}} {
		if _, err := schemas.MulDivFloor(args[0], args[1], args[2]); !errors.Is(err, schemas.ErrOverflow) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestSumsThatOverflowAreRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		want := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		got, err := schemas.AddChecked(a, b)
		if want.IsInt64() != (err == nil) || err == nil && got != want.Int64() {
			t.Fatalf("%d+%d is %d, %v", a, b, got, err)
		}
	})
}

func TestQuantitiesKeepTheirValueAcrossScales(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quanta := rapid.Int64().Draw(t, "quanta")
		scale := rapid.IntRange(0, schemas.QuantityScale).Draw(t, "scale")
		q, err := schemas.QuantityOf(quanta, scale)
		exact := new(big.Int).Mul(big.NewInt(quanta), big.NewInt(schemas.Power10(schemas.QuantityScale-scale)))
		if (exact.CmpAbs(big.NewInt(int64(schemas.QuantityMax))) <= 0) != (err == nil) {
			t.Fatalf("%d of scale %d: %v", quanta, scale, err)
		}
		if err != nil {
			return
		}
		back, whole := q.Quanta(scale)
		if !whole || back != quanta || q.String() != decimal.New(quanta, -int32(scale)).StringFixed(6) {
			t.Fatalf("%d of scale %d became %s, then %d, %v", quanta, scale, q, back, whole)
		}
	})
	if _, whole := schemas.Quantity(1).Quanta(5); whole {
		t.Error("a millionth passed for hundred-thousandths")
	}
}

func TestTextOfAnAmountIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quanta := rapid.Int64().Draw(t, "quanta")
		for name, same := range map[string]func() (int64, error){
			"money": func() (int64, error) {
				m, err := schemas.ParseMoney(schemas.Money(quanta).String())
				return int64(m), err
			},
			"price": func() (int64, error) {
				p, err := schemas.ParsePrice(schemas.Price(quanta).String())
				return int64(p), err
			},
			"weight": func() (int64, error) {
				w, err := schemas.ParseWeight(schemas.Weight(quanta).String())
				return int64(w), err
			},
			"units": func() (int64, error) { return schemas.ParseQuanta(schemas.Units(quanta).Text(4), 4) },
		} {
			if got, err := same(); err != nil || got != quanta {
				t.Fatalf("%s: %d came back as %d, %v", name, quanta, got, err)
			}
		}
	})
}

func TestTextThatIsNotAnExactAmountIsRefused(t *testing.T) {
	for _, text := range []string{"", "x", "1.001", "-0.001", "1e2", "1E999999999", "0x10", "99999999999999999999", "1.00 ", "1,00"} {
		if got, err := schemas.ParseMoney(text); err == nil {
			t.Errorf("%q became %s", text, got)
		}
	}
}

func TestDerivedIDsAreUUIDsOfTheirParts(t *testing.T) {
	id := schemas.DeriveID("order", "payroll", "p1")
	parsed, err := uuid.Parse(id.String())
	if err != nil || parsed.Version() != 5 || parsed.Variant() != uuid.RFC4122 {
		t.Fatalf("%s: version %d, %v", id, parsed.Version(), err)
	}
	// What the id is must never change: ids of many years lie in ledgers.
	namespace := uuid.MustParse("6f1d0e52-3b7a-5c11-9c44-70656e73746b")
	if want := uuid.NewSHA1(namespace, []byte("\x00\x05order\x00\x07payroll\x00\x02p1")); id.String() != want.String() {
		t.Errorf("id is %s, want %s", id, want)
	}
	if schemas.DeriveID("ab", "c") == schemas.DeriveID("a", "bc") {
		t.Error("two lists of parts have the same id")
	}
}

func TestIDsAreReadInTheirCanonicalFormOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var id schemas.ID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		back, err := schemas.ParseID(id.String())
		if err != nil || back != id || id.String() != uuid.UUID(id).String() {
			t.Fatalf("%s came back as %s, %v", id, back, err)
		}
	})
	for _, text := range []string{"", "{b5c4e4a8-f2a0-5a46-bb19-f2a1aa4ce0a3}", "b5c4e4a8f2a05a46bb19f2a1aa4ce0a3", "b5c4e4a8-f2a0-5a46-bb19-f2a1aa4ce0ag"} {
		if _, err := schemas.ParseID(text); !errors.Is(err, schemas.ErrID) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestDatesAreCivilDays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := schemas.Date(rapid.Int32Range(-100_000, 100_000).Draw(t, "days"))
		back, err := schemas.ParseDate(d.String())
		if err != nil || back != d || d.Weekday() != time.Unix(int64(d)*86400, 0).UTC().Weekday() {
			t.Fatalf("%s came back as %s, %v", d, back, err)
		}
	})
	if d := schemas.DateOf(1969, time.December, 31); d != -1 {
		t.Errorf("the day before the epoch is %d", d)
	}
	for _, text := range []string{"", "2008-02-30", "20080320", "2008-3-20"} {
		if d, err := schemas.ParseDate(text); err == nil {
			t.Errorf("%q became %s", text, d)
		}
	}
}

func TestInstantsRoundDown(t *testing.T) {
	if i := schemas.InstantOf(time.Unix(-1, 999_999_999)); i != -1 {
		t.Errorf("just before the epoch is %d ms", i)
	}
	if text := schemas.Instant(1206014400123).String(); text != "2008-03-20T12:00:00.123Z" {
		t.Errorf("text is %s", text)
	}
}

func TestNoQuantityHasAScaleOfItsOwn(t *testing.T) {
	for _, scale := range []int{-61, -2, -1, schemas.QuantityScale + 1, 1 << 30} {
		if q, err := schemas.QuantityOf(100, scale); !errors.Is(err, schemas.ErrOverflow) {
			t.Errorf("100 quanta of scale %d are %s, %v", scale, q, err)
		}
	}
}

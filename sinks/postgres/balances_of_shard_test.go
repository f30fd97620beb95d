package postgres

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// told are balances as lines, in their order.
func (l *testLedger) told(t *testing.T, filter BalanceFilter, asOf AsOf) (lines []string) {
	t.Helper()
	err := Balances(t.Context(), l.auditor, filter, asOf, func(b Balance) error {
		quantity, err := schemas.ParseQuanta(b.Amount, schemas.QuantityScale)
		if err != nil || schemas.Quantity(quantity) != b.Quantity {
			t.Errorf("%s is %s as a number, %v", b.Amount, b.Quantity, err)
		}
		lines = append(lines, fmt.Sprintf("%d %s %s %s %s", b.Shard, b.Pot, b.Account, b.Asset, b.Amount))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// answered are the lines of what analysts are answered.
func (l *testLedger) answered(t *testing.T, what, tail string, asOf AsOf) []string {
	t.Helper()
	effective, recorded := (&balancesQuery{asOf: asOf}).times()
	rows, err := l.auditor.Query(t.Context(), "select concat_ws(' ', "+what+") from report.balances_as_of($1, $2) "+tail, effective, recorded)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// compareReads asks for balances in every way there is, and holds each answer against that of the function that analysts use.
func (l *testLedger) compareReads(t *testing.T, pot string, asOf AsOf) {
	t.Helper()
	const row, order = "shard, coalesce(pot, ''), account, asset, balance", `order by shard, pot collate "C" nulls last, account collate "C", asset collate "C"`
	const account, asset = ledger.PotReserved, schemas.Cash
	for _, read := range []struct {
		filter     BalanceFilter
		what, tail string
	}{
		{BalanceFilter{ByPot: true}, row, order},
		{BalanceFilter{ByPot: true, Account: account}, row, "where account = '" + string(account) + "' " + order},
		{BalanceFilter{ByPot: true, Asset: asset}, row, "where asset = '" + string(asset) + "' " + order},
		{BalanceFilter{ByPot: true, Account: account, Asset: "NONE"}, row, "where false"},
		{BalanceFilter{ByPot: true, Account: "pot:none"}, row, "where false"},
		{BalanceFilter{Pot: schemas.PotID(pot)}, row, "where pot = '" + pot + "' " + order},
		{BalanceFilter{Account: account, Asset: asset}, "-1, '', account, asset, sum(balance)", "where account = '" + string(account) + "' and asset = '" + string(asset) + "' group by account, asset"},
		{BalanceFilter{}, "-1, '', account, asset, sum(balance)", `group by account, asset order by account collate "C", asset collate "C"`},
	} {
		want := l.answered(t, read.what, read.tail, asOf)
		if got := l.told(t, read.filter, asOf); !slices.Equal(got, want) {
			t.Errorf("%+v: %d balances %v, want %d: %v", read.filter, len(got), got, len(want), want)
		}
	}
}

func TestHoweverBalancesAreAskedForTheyAreThoseOfAnalysts(t *testing.T) {
	a := newArchived(t)
	random := rand.New(rand.NewPCG(23, 24))
	// A life with units, so that there is more than one asset with different decimals.
	a.at[0] = a.mustBook(t, a.at[0], a.chains[0].split(random)...)
	a.mustBook(t, a.at[0], a.chains[0].buy(potIn(0, 1), "buys", 10_000, 123_456)...)
	compare := func() {
		t.Helper()
		a.compareReads(t, potIn(1, 0), AsOf{})
		for range 5 {
			journal := &a.journals[len(a.journals)-1-random.IntN(len(a.journals)/3)]
			recorded, effective := min(journal.RecordedAt, a.complete()-1), schemas.DateOf(2008, time.May, 1+random.IntN(31))
			a.compareReads(t, string(*journal.Pot), AsOf{RecordedAt: &recorded})
			a.compareReads(t, string(*journal.Pot), AsOf{EffectiveOn: &effective, RecordedAt: &recorded})
		}
	}
	compare()
	if all := a.told(t, BalanceFilter{ByPot: true}, AsOf{}); len(all) < 20 {
		t.Errorf("there are these balances only: %v", all)
	}
	before := a.told(t, BalanceFilter{ByPot: true}, AsOf{})
	a.drop(t, testMarch)
	compare()
	if after := a.told(t, BalanceFilter{ByPot: true}, AsOf{}); !slices.Equal(after, before) {
		t.Errorf("without March balances are %v, want %v", after, before)
	}
}

func TestHoweverBalancesAreAskedForATimeMayBeRefused(t *testing.T) {
	a := newArchived(t)
	a.drop(t, testMarch)
	complete, march := a.complete(), schemas.InstantOf(time.Date(2008, time.March, 30, 0, 0, 0, 0, time.UTC))
	day, last := schemas.DateOf(2008, time.March, 30), complete-1
	for _, filter := range []BalanceFilter{{}, {ByPot: true}, {Pot: schemas.PotID(potIn(1, 0))}, {ByPot: true, Account: "pot:none"}} {
		for _, c := range []struct {
			asOf AsOf
			want error
		}{
			{AsOf{RecordedAt: &complete}, ErrNotComplete},
			{AsOf{RecordedAt: &march}, ErrDropped},
			{AsOf{EffectiveOn: &day}, ErrDropped},
			{AsOf{EffectiveOn: &day, RecordedAt: &last}, ErrDropped},
			{AsOf{RecordedAt: &last}, nil},
		} {
			err := Balances(t.Context(), a.auditor, filter, c.asOf, func(Balance) error { return nil })
			if !errors.Is(err, c.want) {
				t.Errorf("%+v as of %v: %v, want %v", filter, c.asOf, err, c.want)
			}
		}
	}
}

// Where it stayed a function of its own, all changes would be written down once before they are added up.
func TestChangesArePartOfTheQueryThatAddsThemUp(t *testing.T) {
	h := newHistory(t)
	h.goesOn(t)
	rows, err := h.auditor.Query(t.Context(), "explain "+shardBalancesSQL, nil, (h.complete() - 1).Time(), int16(testMarch), 1, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	if strings.Contains(plan, "Function Scan") || !strings.Contains(plan, "posting_1_2008_03") || strings.Contains(plan, "posting_2") {
		t.Errorf("the plan is\n%s", plan)
	}
}

func TestQuantaAreWrittenAsDecimals(t *testing.T) {
	random := rand.New(rand.NewPCG(25, 26))
	sizes := []int64{0, 1, -1, 9, -10, 100, -100, 999_999, -1_000_000, math.MaxInt64, math.MinInt64}
	for range 1000 {
		sizes = append(sizes, random.Int64()>>random.IntN(63), -random.Int64()>>random.IntN(63))
	}
	for _, quanta := range sizes {
		for scale := range int32(schemas.QuantityScale + 1) {
			if got, want := quantaText(quanta, int(scale)), decimal.New(quanta, -scale).StringFixed(scale); got != want {
				t.Errorf("%d quanta of scale %d are %s, want %s", quanta, scale, got, want)
			}
			quantity, err := quantityOfSum(quanta, int(scale))
			want := decimal.New(quanta, schemas.QuantityScale-scale).BigInt()
			if fits := want.IsInt64(); fits != (err == nil) || fits && int64(quantity) != want.Int64() {
				t.Errorf("%d quanta of scale %d are %d, %v, want %s", quanta, scale, quantity, err, want)
			}
		}
	}
}

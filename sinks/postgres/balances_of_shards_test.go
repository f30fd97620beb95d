package postgres

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

// openSmallPool opens a pool of the auditor that has so few connections that the shards cannot all be read at once.
func openSmallPool(t *testing.T, url string, connections int32) *pgxpool.Pool {
	t.Helper()
	config := openTestPool(t, url, RoleAuditor).Config()
	config.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestBalancesOfAllPotsComeInOrderHoweverFewConnectionsThereAre(t *testing.T) {
	test := openTestLedger(t)
	for shard := range int32(testShards) {
		chain, random, at := newTestChain(shard), rand.New(rand.NewPCG(5, uint64(shard))), test.claim(t, shard)
		for range 3 {
			at = test.mustBook(t, at, benchLife(chain, random)...)
		}
	}
	var all []Balance
	for _, connections := range []int32{1, 2, 8} {
		var found []Balance
		err := Balances(t.Context(), openSmallPool(t, test.url, connections), BalanceFilter{ByPot: true}, AsOf{}, func(b Balance) error {
			found = append(found, b)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(found) <= testShards*balancesAhead*balancesTogether {
			t.Fatalf("there are %d balances only: no shard waited for another one", len(found))
		}
		inOrder := slices.IsSortedFunc(found, func(a, b Balance) int {
			return cmp.Or(cmp.Compare(a.Shard, b.Shard), cmp.Compare(btoi(a.Pot == ""), btoi(b.Pot == "")), cmp.Compare(a.Pot, b.Pot),
				cmp.Compare(a.Account, b.Account), cmp.Compare(a.Asset, b.Asset))
		})
		if !inOrder {
			t.Errorf("with %d connections they are not in the order of shard, pot, account and asset", connections)
		}
		if all == nil {
			all = found
		} else if !slices.Equal(found, all) {
			t.Errorf("with %d connections there are others", connections)
		}
	}
	sums := make(map[string]int64)
	for _, b := range all {
		sums[string(b.Account)+" "+string(b.Asset)] += int64(b.Quantity)
	}
	err := Balances(t.Context(), test.auditor, BalanceFilter{}, AsOf{}, func(b Balance) error {
		if key := string(b.Account) + " " + string(b.Asset); sums[key] != int64(b.Quantity) {
			t.Errorf("%s: the pots have %d together, the total is %d", key, sums[key], b.Quantity)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadingBalancesOfAllPotsEndsWithTheFirstError(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	test.mustBook(t, test.claim(t, 0), benchLife(chain, rand.New(rand.NewPCG(5, 0)))...)
	pool, enough := openSmallPool(t, test.url, 2), errors.New("enough")
	if err := Balances(t.Context(), pool, BalanceFilter{ByPot: true}, AsOf{}, func(Balance) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v, want the caller's own error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Balances(ctx, pool, BalanceFilter{ByPot: true}, AsOf{}, func(Balance) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	pool.Close()
	if err := Balances(t.Context(), pool, BalanceFilter{ByPot: true}, AsOf{}, func(Balance) error { return nil }); err == nil {
		t.Error("a closed pool gave balances")
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

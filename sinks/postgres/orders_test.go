package postgres

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestAnOrderIsFoundThroughSummaries: also while what came last has none, and after it has.
func TestAnOrderIsFoundThroughSummaries(t *testing.T) {
	test := openTestLedger(t)
	test.bookLives(t)
	const reserved = "select order_id from ledger.posting where order_id is not null and trade is null order by shard, sequence"
	rows, err := test.super.Query(t.Context(), reserved)
	if err != nil {
		t.Fatal(err)
	}
	orders, err := pgx.CollectRows(rows, pgx.RowTo[[16]byte])
	if err != nil || len(orders) != 4*testShards {
		t.Fatalf("%d orders, %v", len(orders), err)
	}
	for _, vacuumed := range []bool{false, true} {
		if vacuumed {
			if _, err := test.super.Exec(t.Context(), "vacuum ledger.posting"); err != nil {
				t.Fatal(err)
			}
		}
		for _, order := range orders {
			if found := test.reservations(t, order); found != 1 {
				t.Errorf("order %x is found %d times, vacuumed %v", order, found, vacuumed)
			}
		}
		if found := test.reservations(t, [16]byte{1, 2, 3}); found != 0 {
			t.Errorf("an order that nobody gave is found %d times, vacuumed %v", found, vacuumed)
		}
	}
}

// reservations counts the postings that reserved for an order, by the indexes alone.
func (l *testLedger) reservations(t *testing.T, order [16]byte) (found int) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), l.auditor, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), "set local enable_seqscan = off"); err != nil {
			return err
		}
		const query = "select count(*) from ledger.posting where order_id = $1 and trade is null"
		rows, err := tx.Query(t.Context(), "explain "+query, order)
		if err != nil {
			return err
		}
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		if text := strings.Join(plan, "\n"); strings.Count(text, "Bitmap Index Scan") != testShards || strings.Contains(text, "Seq Scan") {
			t.Errorf("the indexes are not used:\n%s", text)
		}
		return tx.QueryRow(t.Context(), query, order).Scan(&found)
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

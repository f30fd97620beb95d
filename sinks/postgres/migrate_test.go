package postgres

import (
	"os"
	"testing"

	"github.com/penstock-ledger/penstock/sinks/postgres/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestMigratingTwiceChangesNothing(t *testing.T) {
	url := pgtest.Start(t)
	for range 2 {
		if err := Migrate(t.Context(), url); err != nil {
			t.Fatal(err)
		}
	}
}

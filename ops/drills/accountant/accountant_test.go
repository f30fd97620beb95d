package accountant_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/ops/hledger"
	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/sinks/postgres/pgtest"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const (
	shards     = 3
	seed       = 2054
	days       = 20
	actionsMax = 60
)

// stages are what the run must book, or hledger would not have added it up.
func stages() []string {
	return []string{
		"announced", "attributed", "bounced", "cancelled", "charged", "compensated", "contributed", "delivered", "distributed", "lent", "merged", "paid", "priced", "promised", "received", "rejected", "repaid",
		"reserved", "returned", "reversed", "rounded", "sent", "settled", "switched", "undelivered", "withdrawn",
	}
}

// TestHledgerHasTheSameBalancesOnEveryDay books a long random run, exports it from Postgres, and compares hledger's balance of every account and
// asset at the end of every day with what report.balances_as_of says.
func TestHledgerHasTheSameBalancesOnEveryDay(t *testing.T) {
	program, err := exec.LookPath("hledger")
	if err != nil {
		t.Skipf("SKIPPED hledger: it is not installed (Debian has it as hledger)")
	}
	journals := run(t)
	pool := bookedIn(t, journals)
	file := exported(t, pool)
	dates, booked := make(map[schemas.Date]bool), make(map[string]bool)
	for i := range journals {
		for n := range journals[i].Postings {
			dates[journals[i].Postings[n].EffectiveOn], booked[journals[i].Postings[n].Stage] = true, true
		}
	}
	for _, stage := range stages() {
		if !booked[stage] {
			t.Errorf("the run books nothing of the stage %s: its sums are not done again", stage)
		}
	}
	compared := 0
	for _, date := range slices.Sorted(maps.Keys(dates)) {
		want, got := ours(t, pool, date), theirs(t, program, file, date)
		for balance := range want {
			if got[balance] != want[balance] {
				t.Errorf("%s, %s: hledger says %s, the ledger %s", date, balance, got[balance], want[balance])
			}
		}
		for balance := range got {
			if want[balance] == "" {
				t.Errorf("%s, %s: hledger says %s, the ledger nothing", date, balance, got[balance])
			}
		}
		compared += len(want)
	}
	if len(dates) < days || compared == 0 {
		t.Errorf("only %d days and %d balances were compared", len(dates), compared)
	}
	t.Logf("%d journals, %d balances on %d days are the same", len(journals), compared, len(dates))
}

// run plays a history, in which operators act too, and returns the journals that came of it, shard by shard.
func run(t *testing.T) []ledger.Journal {
	t.Helper()
	pipeline, err := sim.New(shards, append(intake.Processes([]byte("secret")), pot.Process(), dealing.Process(shards))...)
	if err != nil {
		t.Fatal(err)
	}
	h := history.Draw(seed, days, actionsMax)
	w := history.New(&h, shards, pipeline)
	w.Operators, w.Rare = true, true
	if err := w.Play(); err != nil {
		t.Fatal(err)
	}
	var journals []ledger.Journal
	for _, j := range history.Decoded(pipeline.Topic(streams.LedgerJournal), streams.LedgerJournal, func() *ledger.Journal { return new(ledger.Journal) }) {
		journals = append(journals, *j)
	}
	return journals
}

// bookedIn books journals as the sink does, and returns an auditor's view of them.
func bookedIn(t *testing.T, journals []ledger.Journal) *pgxpool.Pool {
	t.Helper()
	url := pgtest.Start(t)
	if err := postgres.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	l, err := postgres.OpenLedger(t.Context(), open(t, url, postgres.RoleSink), postgres.LedgerOptions{Shards: shards})
	if err != nil {
		t.Fatal(err)
	}
	for shard := range int32(shards) {
		position, err := l.Claim(t.Context(), shard)
		if err != nil {
			t.Fatal(err)
		}
		batch := postgres.Batch{}
		for i := range journals {
			if journals[i].Shard == shard {
				batch.Journals = append(batch.Journals, journals[i])
			}
		}
		batch.JournalOffset = int64(len(batch.Journals))
		if _, err := l.Book(t.Context(), position, batch); err != nil {
			t.Fatal(err)
		}
	}
	return open(t, url, postgres.RoleAuditor)
}

func open(t *testing.T, url string, role postgres.Role) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.OpenPool(t.Context(), url, role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// exported writes the ledger into a file, as the command does.
func exported(t *testing.T, pool *pgxpool.Pool) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ledger.journal")
	file, err := os.Create(name) //nolint:gosec // in a folder of the test's own
	if err != nil {
		t.Fatal(err)
	}
	w := hledger.NewWriter(file)
	for _, err := range []error{postgres.Journals(t.Context(), pool, w.Add), w.Close(), file.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// ours are the balances that are not zero at the end of a day, by account and asset.
func ours(t *testing.T, pool *pgxpool.Pool, date schemas.Date) map[string]string {
	t.Helper()
	balances := make(map[string]string)
	err := postgres.Balances(t.Context(), pool, postgres.BalanceFilter{ByPot: true}, postgres.AsOf{EffectiveOn: &date}, func(b postgres.Balance) error {
		var owner *schemas.PotID
		if name := b.Pot; name != "" {
			owner = &name
		}
		if b.Quantity != 0 {
			balances[hledger.Account(owner, b.Shard, b.Account)+" "+string(b.Asset)] = b.Quantity.String()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return balances
}

// theirs are hledger's.
func theirs(t *testing.T, program, file string, date schemas.Date) map[string]string {
	t.Helper()
	// It refuses a file in which anything does not balance. An end is the day after the last that counts.
	out := output(t.Context(), t, program, "--file", file, "balance", "--flat", "--no-total", "--layout", "bare", "--output-format", "csv", "--end", (date + 1).String())
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatalf("reading what hledger says: %v\n%s", err, out)
	}
	balances := make(map[string]string)
	for _, row := range rows[1:] {
		if len(row) != 3 {
			t.Fatalf("hledger says %q", row)
		}
		quanta, err := schemas.ParseQuanta(strings.ReplaceAll(row[2], ",", ""), schemas.QuantityScale)
		if err != nil {
			t.Fatalf("hledger says %q: %v", row, err)
		}
		if quanta != 0 {
			balances[fmt.Sprint(row[0], " ", strings.Trim(row[1], `"`))] = schemas.Quantity(quanta).String()
		}
	}
	return balances
}

func output(ctx context.Context, t *testing.T, program string, arguments ...string) string {
	t.Helper()
	var wrong strings.Builder
	cmd := exec.CommandContext(ctx, program, arguments...) //nolint:gosec // hledger
	cmd.Env = append(os.Environ(), "LANG=C.UTF-8")
	cmd.Stderr = &wrong
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, arguments, err, wrong.String())
	}
	return string(out)
}

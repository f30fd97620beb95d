package demo_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/ops/demo"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/sinks/postgres/pgtest"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// updateAnswers writes the answers into the page instead of comparing them.
var updateAnswers = flag.Bool("update-answers", false, "write the answers into the page of worked questions")

const (
	questionsPage = "../docs/questions.md"
	// The trust that is asked about, with the demo's own number of days and seed, so that everybody can ask it: penstock demo --members 60 --keep.
	askedMembers, askedDays, askedSeed = 60, 20, 1
	questionsMin                       = 12
)

// asked matches a question and its answer.
var asked = regexp.MustCompile("(?s)```sql\n(.*?)```\n\n```text\n(.*?)```")

// TestTheWorkedQuestionsHaveTheAnswersOfTheirPage plays the demo, books what becomes of it, and asks as an analyst. To write the answers:
//
//	go test ./ops/demo -run WorkedQuestions -args -update-answers
func TestTheWorkedQuestionsHaveTheAnswersOfTheirPage(t *testing.T) {
	page, err := os.ReadFile(questionsPage)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(asked.FindAllString(string(page), -1)); n < questionsMin || n != strings.Count(string(page), "```sql") {
		t.Fatalf("of the questions, %d have a place for their answer", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), runTimeMax)
	defer cancel()
	analyst := analystOfTheDemo(ctx, t)
	answered := asked.ReplaceAllStringFunc(string(page), func(both string) string {
		parts := asked.FindStringSubmatch(both)
		got := answer(ctx, t, analyst, parts[1])
		if got != parts[2] && !*updateAnswers {
			t.Errorf("%s\nis answered\n%sthe page says\n%s", parts[1], got, parts[2])
		}
		return "```sql\n" + parts[1] + "```\n\n```text\n" + got + "```"
	})
	if *updateAnswers {
		if err := os.WriteFile(questionsPage, []byte(answered), 0o644); err != nil { //nolint:gosec // documentation is for everybody
			t.Fatal(err)
		}
	}
}

// analystOfTheDemo plays the demo, with a ledger, and returns a connection of an analyst's to that.
func analystOfTheDemo(ctx context.Context, t *testing.T) *pgconn.PgConn {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	market, err := demo.NewMarket()
	must(err)
	workload, err := market.Generate(demo.Options{Members: askedMembers, Days: askedDays, Seed: askedSeed})
	must(err)
	memory, knows := pipeline(ctx, t, market, workload.Behaviour)
	url := pgtest.Start(t)
	must(postgres.Migrate(ctx, url))
	books(ctx, t, memory, openPool(ctx, t, url, postgres.RoleSink))
	session, err := demo.Start(ctx, demo.Config{
		Pipeline: memory, Market: market, Workload: workload, Ledger: openPool(ctx, t, url, postgres.RoleAuditor), KnowsReference: knows,
	})
	must(err)
	defer session.Close()
	must(session.Play(ctx))
	report, err := session.Check(ctx)
	must(err)
	for _, check := range report.Checks {
		if !check.OK {
			t.Errorf("%d %s: %s", check.Number, check.Name, check.Detail)
		}
	}
	connection, err := openPool(ctx, t, url, "penstock_analyst").Acquire(ctx)
	must(err)
	t.Cleanup(connection.Release)
	return connection.Conn().PgConn()
}

func openPool(ctx context.Context, t *testing.T, url string, role postgres.Role) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.OpenPool(ctx, url, role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// books runs the ledger's sink until the test ends.
func books(ctx context.Context, t *testing.T, of demo.Pipeline, pool *pgxpool.Pool) {
	t.Helper()
	registry, err := feed.NewRegistry(of.Connection.Registry, feed.RegistryOptions{Log: of.Log, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.Register(ctx, streams.Topics()); err != nil {
		t.Fatal(err)
	}
	sink, err := postgres.NewSink(postgres.Config{
		Connection: of.Connection, Framing: registry, Pool: pool, Ledger: postgres.LedgerOptions{Shards: of.Shards},
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		t.Fatal(err)
	}
	running, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- sink.Run(running) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// answer asks a question and returns its answer as a table, or the refusal.
func answer(ctx context.Context, t *testing.T, analyst *pgconn.PgConn, question string) string {
	t.Helper()
	results, err := analyst.Exec(ctx, question).ReadAll()
	if err != nil {
		return fmt.Sprintln(err)
	}
	if len(results) != 1 {
		t.Fatalf("%s\nis %d questions", question, len(results))
	}
	if len(results[0].Rows) == 0 {
		return "(no rows)\n"
	}
	fields := results[0].FieldDescriptions
	rows, numbers := [][]string{nil}, make([]bool, len(fields))
	for i, field := range fields {
		rows[0] = append(rows[0], field.Name)
		numbers[i] = field.DataTypeOID == pgtype.NumericOID || field.DataTypeOID == pgtype.Int8OID || field.DataTypeOID == pgtype.Int4OID
	}
	for _, row := range results[0].Rows {
		var texts []string
		for _, value := range row {
			texts = append(texts, string(value))
		}
		rows = append(rows, texts)
	}
	return table(rows, numbers)
}

// table lays out rows, the first of which are the names, with numbers to the right.
func table(rows [][]string, numbers []bool) string {
	widths := make([]int, len(numbers))
	for _, row := range rows {
		for i, text := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	var b strings.Builder
	for n, row := range rows {
		var line []string
		for i, text := range row {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if numbers[i] {
				line = append(line, padding+text)
			} else {
				line = append(line, text+padding)
			}
		}
		fmt.Fprintln(&b, strings.TrimRight(strings.Join(line, "  "), " "))
		if n == 0 {
			for i, width := range widths {
				line[i] = strings.Repeat("-", width)
			}
			fmt.Fprintln(&b, strings.Join(line, "  "))
		}
	}
	return b.String()
}

package postgres

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// benchJournals is about how many journals one batch of the sink holds under load.
const benchJournals = 3000

// BenchmarkBook books batches as the sink does, and reports postings per second and the bytes that a row and its index entries
// take.
func BenchmarkBook(b *testing.B) {
	test := openTestLedger(b)
	chain, random := newTestChain(0), rand.New(rand.NewPCG(1, 2))
	at := test.claim(b, 0)
	journals, postings := 0, 0
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		batch := benchLife(chain, random)
		b.StartTimer()
		at = test.mustBook(b, at, batch...)
		journals += len(batch)
		postings += countPostings(batch)
	}
	b.StopTimer()
	b.ReportMetric(float64(postings)/b.Elapsed().Seconds(), "postings/s")
	b.ReportMetric(float64(journals+postings)/b.Elapsed().Seconds(), "rows/s")
	for table, rows := range map[string]int{"journal": journals, "posting": postings} {
		size := count(b, test.super, "select sum(pg_total_relation_size(relid)) from pg_partition_tree('ledger."+table+"') where isleaf")
		b.ReportMetric(float64(size)/float64(rows), "B/"+table)
	}
}

// BenchmarkCopy copies the same rows with nothing else, into tables without indexes, as the measure for BenchmarkBook.
func BenchmarkCopy(b *testing.B) {
	test := openTestLedger(b)
	chain, random := newTestChain(0), rand.New(rand.NewPCG(1, 2))
	ctx := context.Background()
	const bare = "create table bare_journal (like ledger.journal); create table bare_posting (like ledger.posting)"
	if _, err := test.super.Exec(ctx, bare); err != nil {
		b.Fatal(err)
	}
	rows := 0
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		batch := benchLife(chain, random)
		if err := test.prepare(ctx, 0, batch); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		for table, source := range map[string]pgx.CopyFromSource{
			"bare_journal": &journalRows{codes: &test.codes, journals: batch, month: 458},
			"bare_posting": &postingRows{codes: &test.codes, journals: batch, month: 458},
		} {
			columns := journalColumns()
			if table == "bare_posting" {
				columns = postingColumns()
			}
			copied, err := test.super.CopyFrom(ctx, pgx.Identifier{table}, columns, source)
			if err != nil {
				b.Fatal(err)
			}
			rows += int(copied)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// benchLife is a contribution split over three funds per pot, priced and settled.
func benchLife(chain *testChain, random *rand.Rand) []ledger.Journal {
	var journals []ledger.Journal
	for len(journals) < benchJournals {
		journals = append(journals, chain.split(random)...)
	}
	return journals
}

func countPostings(journals []ledger.Journal) int {
	n := 0
	for i := range journals {
		n += len(journals[i].Postings)
	}
	return n
}

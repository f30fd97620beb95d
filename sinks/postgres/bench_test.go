package postgres

import (
	"bytes"
	"context"
	"flag"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// benchPostings is how many postings the ledger has on which reading is measured.
var benchPostings = flag.Int("bench-postings", 200_000, "postings in the ledger that benchmarks read")

const (
	// benchJournals is about how many journals one batch of the sink holds under load.
	benchJournals = 3000
	// bareMonth and encodedMonth are months after that of the journals: their tables are made like theirs.
	bareMonth, encodedMonth = 459, 460
)

// BenchmarkSinkBesideBareCopy does batch after batch what the sink does with what a poll brought (decode, check sequence and chain, copy journals and postings, commit), and
// copies the same rows, ready in memory, into tables with the same indexes: once as values through the driver, as any program would, and once as bytes in the form that goes
// over the wire, which is the least that can be done. It reports the rows per second of all three, and how the first compares with the others, the bytes of table and
// index that a row takes, and those of the write-ahead log.
func BenchmarkSinkBesideBareCopy(b *testing.B) {
	test := openTestLedger(b)
	chain, random := newTestChain(0), rand.New(rand.NewPCG(1, 2))
	for _, month := range []int16{bareMonth, encodedMonth} {
		if err := test.ensurePartition(b.Context(), 0, month); err != nil {
			b.Fatal(err)
		}
	}
	at := test.claim(b, 0)
	journals, postings, logged := 0, 0, int64(0)
	var sunk, bare, encoded time.Duration
	for range b.N {
		batch := benchLife(chain, random)
		fetched := fetchedOf(batch)
		numbers, err := test.prepare(b.Context(), 0, batch)
		if err != nil {
			b.Fatal(err)
		}
		values, encodedBytes := bareRows(batch, numbers), encodedRows(b, batch, numbers)
		before := test.loggedBytes(b)
		sunk += timed(func() { at = test.sink(b, at, fetched) })
		logged += test.loggedBytes(b) - before
		bare += timed(func() { test.copyBare(b, values) })
		encoded += timed(func() { test.copyEncoded(b, encodedBytes) })
		journals += len(batch)
		postings += countPostings(batch)
	}
	rows := float64(journals + postings)
	b.ReportMetric(rows/sunk.Seconds(), "rows/s")
	b.ReportMetric(rows/bare.Seconds(), "bare-rows/s")
	b.ReportMetric(bare.Seconds()/sunk.Seconds(), "of-bare")
	b.ReportMetric(rows/encoded.Seconds(), "encoded-rows/s")
	b.ReportMetric(encoded.Seconds()/sunk.Seconds(), "of-encoded")
	b.ReportMetric(float64(logged)/float64(postings), "log-B/posting")
	// Summaries of what came last are made by vacuuming, as in a ledger that is in use.
	if _, err := test.super.Exec(b.Context(), "vacuum ledger.journal, ledger.posting"); err != nil {
		b.Fatal(err)
	}
	for table, rows := range map[string]int{"journal": journals, "posting": postings} {
		size := count(b, test.super, "select pg_total_relation_size('ledger."+table+"_0_2008_03')")
		b.ReportMetric(float64(size)/float64(rows), "B/"+table)
	}
}

func timed(work func()) time.Duration {
	began := time.Now()
	work()
	return time.Since(began)
}

// fetchedOf is what a reader would hand on of the journals' topic.
func fetchedOf(journals []ledger.Journal) *feed.Batch {
	place := feed.Place{Topic: streams.LedgerJournal}
	fetched := &feed.Batch{Place: place}
	for i := range journals {
		fetched.Records = append(fetched.Records, feed.Record{
			Position: feed.Position{Place: place, Offset: journals[i].Sequence - 1}, Value: journals[i].AppendAvro([]byte{0}),
		})
	}
	fetched.Next = journals[len(journals)-1].Sequence
	return fetched
}

// sink books what was fetched.
func (l *testLedger) sink(b *testing.B, at Position, fetched *feed.Batch) Position {
	var inbox shardInbox
	if err := inbox.add(b.Context(), plainFraming{}, fetched); err != nil {
		b.Fatal(err)
	}
	for batch, ok := inbox.next(&at, batchRecordsMax); ok; batch, ok = inbox.next(&at, batchRecordsMax) {
		next, err := l.Book(b.Context(), at, batch)
		if err != nil {
			b.Fatal(err)
		}
		at = next
	}
	return at
}

// bareRows are the rows of journals and of postings as the driver's COPY takes them, made beforehand.
func bareRows(journals []ledger.Journal, numbers *rowNumbers) (rows [2][][]any) {
	month, at := int16(bareMonth), 0
	for i := range journals {
		journal, n := &journals[i], numbers.journals[i]
		rows[0] = append(rows[0], []any{
			journal.Sequence, journal.RecordedAt.Time(), journal.Offset, journal.Partition, n.source, int16(journal.Shard), month, n.topic, n.rules,
			[16]byte(journal.ID), journal.Hash[:], journal.Cause, string(*journal.Pot),
		})
		for k := range journal.Postings {
			posting, n := &journal.Postings[k], numbers.postings[at]
			at++
			scale := posting.Scale
			row := []any{
				journal.Sequence, bareQuanta(&posting.Quantity, scale), bareQuanta(posting.FromBalance, scale), bareQuanta(posting.ToBalance, scale),
				posting.EffectiveOn.Time(), nil, int16(journal.Shard), month, int16(posting.Leg), n.move, nil, nil, nil,
			}
			if posting.Trade != nil {
				row[5] = n.trade
			}
			if posting.Order != nil {
				row[10] = [16]byte(*posting.Order)
			}
			rows[1] = append(rows[1], row)
		}
	}
	return rows
}

func bareQuanta(quantity *schemas.Quantity, scale int32) any {
	if quantity == nil {
		return nil
	}
	quanta, _ := quantity.Quanta(int(scale))
	return quanta
}

// encodedRows are the same rows as they go over the wire.
func encodedRows(b *testing.B, journals []ledger.Journal, numbers *rowNumbers) (rows [2][]byte) {
	ofJournals := &journalRows{journals: journals, numbers: numbers.journals, month: encodedMonth}
	ofPostings := &postingRows{journals: journals, numbers: numbers.postings, month: encodedMonth}
	for i, row := range []func([]byte) ([]byte, bool){ofJournals.row, ofPostings.row} {
		var err error
		if rows[i], err = io.ReadAll(newCopyStream(row)); err != nil {
			b.Fatal(err)
		}
	}
	return rows
}

func (l *testLedger) copyBare(b *testing.B, rows [2][][]any) {
	err := pgx.BeginFunc(b.Context(), l.pool, func(tx pgx.Tx) error {
		if _, err := tx.CopyFrom(b.Context(), leaf("journal", 0, bareMonth), strings.Split(journalColumns, ", "), pgx.CopyFromRows(rows[0])); err != nil {
			return err
		}
		_, err := tx.CopyFrom(b.Context(), leaf("posting", 0, bareMonth), strings.Split(postingColumns, ", "), pgx.CopyFromRows(rows[1]))
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

func (l *testLedger) copyEncoded(b *testing.B, rows [2][]byte) {
	err := pgx.BeginFunc(b.Context(), l.pool, func(tx pgx.Tx) error {
		if err := copyRows(b.Context(), tx, leaf("journal", 0, encodedMonth), journalColumns, io.NopCloser(bytes.NewReader(rows[0]))); err != nil {
			return err
		}
		return copyRows(b.Context(), tx, leaf("posting", 0, encodedMonth), postingColumns, io.NopCloser(bytes.NewReader(rows[1])))
	})
	if err != nil {
		b.Fatal(err)
	}
}

func (l *testLedger) loggedBytes(b *testing.B) int64 {
	return count(b, l.super, "select (pg_current_wal_insert_lsn() - '0/0')::bigint")
}

// openBigLedger books as many postings as the flag says, in all shards at once, and says how far they are.
func openBigLedger(b *testing.B) (test *testLedger, postings int64, pots []string) {
	b.Helper()
	test = openTestLedger(b)
	var booking sync.WaitGroup
	var mutex sync.Mutex
	for shard := range int32(testShards) {
		booking.Go(func() {
			chain, random, at := newTestChain(shard), rand.New(rand.NewPCG(3, uint64(shard))), test.claim(b, shard)
			for done := 0; done < *benchPostings/testShards; {
				batch := benchLife(chain, random)
				at = test.mustBook(b, at, batch...)
				done += countPostings(batch)
				mutex.Lock()
				postings += int64(countPostings(batch))
				pots = append(pots, string(*batch[0].Pot))
				mutex.Unlock()
			}
			progress := &ledger.Progress{Shard: shard, Sequence: chain.sequence, RecordedBefore: chain.at + 1}
			batch := Batch{JournalOffset: at.JournalOffset, Progress: progress, ProgressOffset: 1}
			if _, err := test.Book(context.Background(), at, batch); err != nil {
				b.Error(err)
			}
		})
	}
	booking.Wait()
	if _, err := test.super.Exec(b.Context(), "vacuum (analyze) ledger.journal, ledger.posting"); err != nil {
		b.Fatal(err)
	}
	return test, postings, pots
}

// BenchmarkVerify reports the postings per second of a full check.
func BenchmarkVerify(b *testing.B) {
	test, postings, _ := openBigLedger(b)
	for b.Loop() {
		report, err := Verify(b.Context(), test.auditor, VerifyOptions{}, nil)
		if err != nil {
			b.Fatal(err)
		}
		if !report.OK() {
			b.Fatalf("these checks failed: %v", report.failed())
		}
	}
	b.ReportMetric(float64(postings)*float64(b.N)/b.Elapsed().Seconds(), "postings/s")
}

// BenchmarkBalancesOfOnePot asks for another pot each time, as of a day and a recorded time.
func BenchmarkBalancesOfOnePot(b *testing.B) {
	test, postings, pots := openBigLedger(b)
	through, err := CompleteThrough(b.Context(), test.auditor)
	if err != nil {
		b.Fatal(err)
	}
	recorded, effective := through-1, schemas.Date(int64(through)/(24*time.Hour.Milliseconds()))
	for n := 0; b.Loop(); n++ {
		found := 0
		filter := BalanceFilter{Pot: schemas.PotID(pots[n%len(pots)])}
		err := Balances(b.Context(), test.auditor, filter, AsOf{EffectiveOn: &effective, RecordedAt: &recorded}, func(Balance) error { found++; return nil })
		if err != nil || found == 0 {
			b.Fatalf("%d balances, %v", found, err)
		}
	}
	b.ReportMetric(float64(postings), "postings")
}

// BenchmarkTraceOfAnOrder traces another order each time.
func BenchmarkTraceOfAnOrder(b *testing.B) {
	test, postings, _ := openBigLedger(b)
	rows, err := test.super.Query(b.Context(), "select order_id from ledger.posting where order_id is not null and trade is null limit 1000")
	if err != nil {
		b.Fatal(err)
	}
	orders, err := pgx.CollectRows(rows, pgx.RowTo[[16]byte])
	if err != nil {
		b.Fatal(err)
	}
	for n := 0; b.Loop(); n++ {
		if _, err := FindTrace(b.Context(), test.auditor, schemas.ID(orders[n%len(orders)]).String()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(postings), "postings")
}

// BenchmarkAllBalances asks for every balance of every pot, as of a recorded time.
func BenchmarkAllBalances(b *testing.B) { benchBalances(b, BalanceFilter{ByPot: true}) }

// BenchmarkTotalBalances asks for the totals by account and asset, as of a recorded time.
func BenchmarkTotalBalances(b *testing.B) { benchBalances(b, BalanceFilter{}) }

func benchBalances(b *testing.B, filter BalanceFilter) {
	test, postings, _ := openBigLedger(b)
	through, err := CompleteThrough(b.Context(), test.auditor)
	if err != nil {
		b.Fatal(err)
	}
	recorded := through - 1
	found := 0
	for b.Loop() {
		if err := Balances(b.Context(), test.auditor, filter, AsOf{RecordedAt: &recorded}, func(Balance) error { found++; return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(postings), "postings")
	b.ReportMetric(float64(found)/float64(b.N), "balances")
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

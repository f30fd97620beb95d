package postgres

import (
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

func TestATransactionIsHalfAsLargeAfterAFailureAndTwiceAfterSeveralThatWereBooked(t *testing.T) {
	var p pace
	away := errors.New("away")
	is := func(want int) {
		t.Helper()
		if got := p.recordsMax(); got != want {
			t.Fatalf("at most %d journals, want %d", got, want)
		}
	}
	is(batchRecordsMax)
	p.tried(away)
	p.tried(ErrFenced)
	p.tried(&TripwireError{})
	is(batchRecordsMax / 2)
	for range bookedBeforeMore - 1 {
		p.tried(nil)
	}
	is(batchRecordsMax / 2)
	p.tried(nil)
	is(batchRecordsMax)
	for range 2 * bookedBeforeMore {
		p.tried(nil)
	}
	is(batchRecordsMax)
	for range 100 {
		p.tried(away)
	}
	is(1)
	for range 13 * bookedBeforeMore {
		p.tried(nil)
	}
	is(batchRecordsMax)
}

// tooSlow has the database end every transaction that adds more rows to a table than it can in its time. A trigger counts, where a clock would.
func (l *testLedger) tooSlow(t *testing.T, table string, inTimeMax int) {
	t.Helper()
	for _, statement := range []string{
		fmt.Sprintf(`create function ledger.too_slow() returns trigger language plpgsql as $$ begin
			perform set_config('test.added', (coalesce(nullif(current_setting('test.added', true), ''), '0')::int + 1)::text, true);
			if current_setting('test.added')::int > %d then
				raise exception 'canceling statement due to statement timeout' using errcode = '57014';
			end if;
			return new; end $$`, inTimeMax),
		"create trigger too_slow before insert on ledger." + table + " for each row execute function ledger.too_slow()",
	} {
		if _, err := l.super.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADatabaseTooSlowForAWholeBatchIsGivenSmallerOnes(t *testing.T) {
	test, topics, chains, said := openTestLedger(t), newTestTopics(t), newTestChains(), new(transcript)
	const perShard, inTimeMax = 400, 30
	test.tooSlow(t, "journal", inTimeMax)
	for shard, records := range months(chains, perShard) {
		topics.backlog(records)
		topics.progress(chains[shard])
	}
	sink, stop := topics.runSinkOn(test.pool, said, LedgerOptions{})
	until(t, "all is booked", func() bool { return test.booked(t, chains) })
	if !said.holds("statement timeout") {
		t.Error("nobody was told that a transaction took too long")
	}
	if err := sink.Stopped(); err != nil {
		t.Errorf("the sink stopped: %v", err)
	}
	stop()
	test.checkBooked(t, chains)
}

func TestADatabaseTooSlowForAllEventsOfTradesIsGivenFewer(t *testing.T) {
	test, topics, said := openTestLedger(t), newTestTopics(t), new(transcript)
	const events, inTimeMax = 200, 30
	test.tooSlow(t, "trade_event", inTimeMax)
	records := make([]*kgo.Record, events)
	for i := range records {
		trade := ledger.Trade{
			ID: *testID(fmt.Sprint("event", i)), Trade: *testID("trade"), Event: "batched", Day: 13958, Custodian: testCustodian, Asset: testAsset,
			UnitsScale: testScale, Side: ledger.TradeSideBuy, Ordered: 100_000_000, Orders: 3, SettlesOn: 13962, RecordedAt: 1_206_000_000_000,
		}
		records[i] = &kgo.Record{Topic: streams.LedgerTrade, Value: trade.AppendAvro([]byte{0})}
	}
	topics.backlog(records)
	sink, stop := topics.runSinkOn(test.pool, said, LedgerOptions{})
	position := func() int64 {
		return count(t, test.super, "select next_offset from ledger.position where topic = $1", streams.LedgerTrade)
	}
	until(t, "all is booked", func() bool { return position() == events })
	if !said.holds("statement timeout") {
		t.Error("nobody was told that a transaction took too long")
	}
	if err := sink.Stopped(); err != nil {
		t.Errorf("the sink stopped: %v", err)
	}
	stop()
	const booked = "select count(*) from ledger.trade_event where record_offset between 0 and $1 - 1"
	if got := count(t, test.super, booked, events); got != events {
		t.Errorf("%d events are booked, not %d", got, events)
	}
}

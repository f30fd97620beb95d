package postgres

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/penstock-ledger/penstock/ops/faults"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// recreate deletes a topic and makes it again under its name, empty.
func (k *testTopics) recreate(topic string, partitions int32) {
	k.t.Helper()
	admin := kadm.NewClient(k.client)
	if _, err := admin.DeleteTopic(k.t.Context(), topic); err != nil {
		k.t.Fatal(err)
	}
	if _, err := admin.CreateTopic(k.t.Context(), partitions, 1, nil, topic); err != nil {
		k.t.Fatal(err)
	}
	// A client that knew the former topic refuses to write to this one.
	k.client.PurgeTopicsFromClient(topic)
}

// booked is a ledger with some journals, read from topics.
func booked(t *testing.T) (*testLedger, *testTopics, *testChain, []ledger.Journal) {
	t.Helper()
	test, topics := openTestLedger(t), newTestTopics(t)
	chain := newTestChain(0)
	journals := chain.life(rand.New(rand.NewPCG(5, 6)), 10)
	topics.journals(journals...)
	topics.progress(chain)
	topics.trade("batched", 0)
	_, stop := topics.runSink(test)
	until(t, "all is booked", func() bool {
		return test.sequence(t, 0) == chain.sequence && count(t, test.super, "select count(*) from ledger.trade_event") == 1
	})
	stop()
	return test, topics, chain, journals
}

func (l *testLedger) everything(t *testing.T) int64 {
	t.Helper()
	return count(t, l.super, "select (select count(*) from ledger.journal) + (select count(*) from ledger.posting) + (select count(*) from ledger.trade_event)")
}

// untilStopped waits until a sink is stopped by what is wanted, and returns what it said then: it says nothing any more once the
// partition is no longer its own.
func untilStopped(t *testing.T, sink *Sink, wanted error) (stopped error) {
	t.Helper()
	until(t, "the sink stops", func() bool {
		stopped = sink.Stopped()
		return errors.Is(stopped, wanted)
	})
	return stopped
}

func TestALedgerTopicMadeAgainStopsTheSink(t *testing.T) {
	for topic, partitions := range map[string]int32{streams.LedgerJournal: testShards, streams.LedgerProgress: testShards, streams.LedgerTrade: 1} {
		for name, running := range map[string]bool{"while stopped": false, "while running": true} {
			t.Run(topic+" "+name, func(t *testing.T) {
				test, topics, chain, journals := booked(t)
				before := test.everything(t)
				var sink *Sink
				if running {
					sink, _ = topics.runSink(test)
					until(t, "the sink runs", func() bool { return len(sink.positions()) >= 2 })
				}
				topics.recreate(topic, partitions)
				if topic == streams.LedgerTrade {
					topics.trade("batched", 0)
					topics.trade("placed", 1)
				} else {
					// More than there were: the position is in the middle of these.
					topics.journals(journals...)
					for range 3 {
						topics.progress(chain)
					}
				}
				if !running {
					sink, _ = topics.runSink(test)
				}
				text := untilStopped(t, sink, ErrOtherTopic).Error()
				if !strings.Contains(text, topic) || !strings.Contains(text, "deleted and made again") {
					t.Errorf("it says %s", text)
				}
				if after := test.everything(t); after != before {
					t.Errorf("%d rows were %d", after, before)
				}
			})
		}
	}
}

// What mends it where the former topic is gone for good but was booked to its end. The chain's tripwires guard the step.
func TestABookedLedgerGoesOnWithAnotherTopic(t *testing.T) {
	test, topics, chain, _ := booked(t)
	topics.recreate(streams.LedgerJournal, testShards)
	topics.journals(chain.buy("p9", "i9", 100, 5)...)
	const goOn = "update ledger.position set topic_id = '', next_offset = 0 where topic = 'ledger.journal.v1'"
	if _, err := test.super.Exec(t.Context(), goOn); err != nil {
		t.Fatal(err)
	}
	sink, stop := topics.runSink(test)
	until(t, "the new topic is booked", func() bool { return test.sequence(t, 0) == chain.sequence })
	if err := sink.Stopped(); err != nil {
		t.Error(err)
	}
	stop()

	chain.buy("p9", "i10", 100, 5) // journals that were lost with the former topic
	topics.recreate(streams.LedgerJournal, testShards)
	topics.journals(chain.buy("p9", "i11", 100, 5)...)
	if _, err := test.super.Exec(t.Context(), goOn); err != nil {
		t.Fatal(err)
	}
	sink, _ = topics.runSink(test)
	var tripwire *TripwireError
	until(t, "the gap is noticed", func() bool { return errors.As(sink.Stopped(), &tripwire) })
	if tripwire.Reason != ReasonSequence {
		t.Errorf("stopped by %v", tripwire)
	}
}

// Behind the brokers' address there is another cluster with topics of the same names, and more in them than was booked. A sink that starts refuses the database,
// one that runs stops: nothing is booked, and the right cluster's journals are when it is back.
func TestAnotherClusterUnderTheSameAddressIsNotBooked(t *testing.T) {
	test, topics, chain, journals := booked(t)
	before := test.everything(t)
	other := newTestTopicsIn(t, "elsewhere")
	other.journals(journals...)
	more := chain.buy("p9", "i9", 100, 5)
	other.journals(more...)
	other.progress(chain)
	address := faults.NewAddress(topics.connection.Brokers[0])
	topics.connection.Dial = address.Dial
	sink, stop := topics.runSink(test)
	until(t, "the sink runs", func() bool { return len(sink.positions()) >= 2 })
	address.Put(other.connection.Brokers[0])
	text := untilStopped(t, sink, ErrOtherTopic).Error()
	for _, part := range []string{"belongs to the Kafka cluster test, this is elsewhere", "correct the address of the brokers or of the database", "PENSTOCK_BROKERS"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %s", part, text)
		}
	}
	stop()
	another, err := NewSink(Config{
		Connection: topics.connection, Framing: plainFraming{}, Pool: test.pool, Ledger: LedgerOptions{Shards: testShards}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := another.Run(t.Context()); !errors.Is(err, ErrOtherLedger) {
		t.Errorf("a sink that starts says %v", err)
	}
	if after := test.everything(t); after != before {
		t.Errorf("%d rows were %d", after, before)
	}
	address.Put(topics.connection.Brokers[0])
	topics.journals(more...)
	_, stop = topics.runSink(test)
	until(t, "the right cluster's journals are booked", func() bool { return test.sequence(t, 0) == chain.sequence })
	stop()
}

func TestAPositionFromBeforeThereWereIdentitiesIsBound(t *testing.T) {
	test, topics, chain, _ := booked(t)
	if _, err := test.super.Exec(t.Context(), "update ledger.position set cluster = '', topic_id = ''"); err != nil {
		t.Fatal(err)
	}
	topics.journals(chain.buy("p9", "i9", 100, 5)...)
	_, stop := topics.runSink(test)
	until(t, "the rest is booked", func() bool { return test.sequence(t, 0) == chain.sequence })
	stop()
	if n := count(t, test.super, "select count(*) from ledger.position where cluster = 'test' and topic_id <> ''"); n == 0 {
		t.Error("no position was tied to its topic")
	}
}

func TestDeletedJournalsStopTheSink(t *testing.T) {
	test, topics := openTestLedger(t), newTestTopics(t)
	chain := newTestChain(0)
	topics.journals(chain.buy("p", "i", 100, 5)...)
	offsets := kadm.Offsets{}
	offsets.AddOffset(streams.LedgerJournal, 0, 2, -1)
	if _, err := kadm.NewClient(topics.client).DeleteRecords(t.Context(), offsets); err != nil {
		t.Fatal(err)
	}
	sink, _ := topics.runSink(test)
	text := untilStopped(t, sink, feed.ErrRecordsGone).Error()
	if got := test.sequence(t, 0); got != 0 {
		t.Errorf("%d journals are booked", got)
	}
	if !strings.Contains(text, streams.LedgerJournal+"/0") {
		t.Errorf("it says %s", text)
	}
}

// Somebody's console moves the group's offsets, or deletes the group: they are a copy.
func TestTheSinksGroupDecidesNothing(t *testing.T) {
	test, topics, chain, _ := booked(t)
	admin := kadm.NewClient(topics.client)
	for n, offset := range []int64{0, 1 << 40} {
		offsets := kadm.Offsets{}
		offsets.AddOffset(streams.LedgerJournal, 0, offset, -1)
		if _, err := admin.CommitOffsets(t.Context(), SinkGroup, offsets); err != nil {
			t.Fatal(err)
		}
		topics.journals(chain.buy("p9", string(rune('a'+n)), 100, 5)...)
		_, stop := topics.runSink(test)
		until(t, "the rest is booked", func() bool { return test.sequence(t, 0) == chain.sequence })
		stop()
	}
	if _, err := admin.DeleteGroup(t.Context(), SinkGroup); err != nil {
		t.Fatal(err)
	}
	topics.journals(chain.buy("p9", "z", 100, 5)...)
	_, stop := topics.runSink(test)
	until(t, "the rest is booked", func() bool { return test.sequence(t, 0) == chain.sequence })
	stop()
}

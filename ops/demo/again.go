package demo

import (
	"context"
	"fmt"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// toDealing are the ingest topics of which everything that can be read goes to dealing.
func toDealing() []string {
	return []string{streams.IngestReference, streams.IngestPrice, streams.IngestConfirmation, streams.IngestOperator}
}

// checkAgain sends every record of the ingest topics again, the clock's aside, and sees whether the ledger has changed.
func (r *Session) checkAgain(ctx context.Context, in *invariants.Input) (invariants.Result, error) {
	r.OnProgress(len(r.records), r.total, "sending everything again")
	records := 0
	for _, topic := range append(toDealing(), streams.IngestInstruction) {
		messages, err := r.messages(ctx, topic)
		if err != nil {
			return invariants.Result{}, err
		}
		if err := r.sendAgain(ctx, topic, messages); err != nil {
			return invariants.Result{}, err
		}
		records += len(messages)
	}
	if err := r.fence(ctx); err != nil {
		return invariants.Result{}, err
	}
	v := newVerdict("sending every record again changes nothing", "%d records", records)
	v.Number = numberAgain
	var before, after postgres.Canonical
	for _, j := range in.Journals {
		before.Add(j)
	}
	journals, trades := 0, 0
	c := &collector{ctx, r.pipeline.Connection, r.outside.registry}
	err := each(c, streams.LedgerJournal, strict, func(_ feed.Record, j *ledger.Journal) { after.Add(j); journals++ })
	if err != nil {
		return v.Result, err
	}
	err = each(c, streams.LedgerTrade, strict, func(feed.Record, *ledger.Trade) { trades++ })
	if journals != len(in.Journals) || trades != len(in.Trades) || before.Sum() != after.Sum() {
		v.fail("%d journals became %d, and %d events of trades %d", len(in.Journals), journals, len(in.Trades), trades)
	}
	return v.result(), err
}

// messages returns what lies on a topic, to be written once more.
func (r *Session) messages(ctx context.Context, topic string) ([]feed.Message, error) {
	var messages []feed.Message
	err := feed.ReadToEnd(ctx, r.pipeline.Connection, topic, func(record feed.Record) error {
		if topic == streams.IngestInstruction && r.isTick(ctx, record) {
			return nil
		}
		partition := record.Partition
		messages = append(messages, feed.Message{
			Topic: topic, Key: string(record.Key), Value: append([]byte(nil), record.Value...), Timestamp: r.now, Partition: &partition,
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s again: %w", topic, err)
	}
	return messages, nil
}

func (r *Session) isTick(ctx context.Context, record feed.Record) bool {
	i, err := decode[ingest.Instruction](ctx, r.outside.registry, record)
	if err != nil {
		return false
	}
	_, tick := i.Body.(*ingest.Tick)
	return tick
}

// sendAgain writes the messages and waits until dealing has heard of the last of them, where it does.
func (r *Session) sendAgain(ctx context.Context, topic string, messages []feed.Message) error {
	type result struct {
		offset int64
		err    error
	}
	results := make(chan result, len(messages))
	for _, message := range messages {
		r.producer.SendAsync(ctx, message, func(p feed.Position, err error) { results <- result{p.Offset, err} })
	}
	last := int64(0)
	for range messages {
		one := <-results
		if one.err != nil {
			return one.err
		}
		last = max(last, one.offset)
	}
	if topic == streams.IngestInstruction || len(messages) == 0 {
		return nil // a tick in each partition comes behind them
	}
	return r.await(ctx, "dealing to hear all of "+topic+" again", func() string {
		if r.heard[topic] < last {
			return fmt.Sprintf("offset %d, it has heard %d", last, r.heard[topic])
		}
		return ""
	})
}

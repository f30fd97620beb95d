package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/penstock-ledger/penstock/processors/proof"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// frozenEarlierMax is how much older the record of an order's freezing may be than the journal that reserved for it: a record's timestamp is the receipt
// time of what caused it, which may trail behind the recorded time of the shard.
const frozenEarlierMax = 7 * 24 * time.Hour

// find makes the proof: where the order is, from the ledger; what it was frozen with, from audit.batch.v1; and the published root, from ledger.trade.v1.
func (f *proveFlags) find(ctx context.Context, order schemas.ID) (*proof.Proof, error) {
	pool, err := f.auditor(ctx)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	trace, err := postgres.FindTrace(ctx, pool, order.String())
	if err != nil {
		return nil, err
	}
	if len(trace.Dropped) > 0 {
		return nil, fmt.Errorf("%w: part of it is of %s; read all months back with penstock ledger load, and name that database with --postgres",
			postgres.ErrDropped, &trace.Dropped[0])
	}
	reserved := journalOf(trace)
	if trace.Kind != "order" || reserved == nil {
		return nil, fmt.Errorf("that is the id of a %s; penstock trace shows the orders of an instruction", trace.Kind)
	}
	connection, err := f.connection(ctx)
	if err != nil {
		return nil, err
	}
	registry, err := f.registryOf(ctx, connection)
	if err != nil {
		return nil, err
	}
	s := search{connection: connection, registry: registry, shard: reserved.Shard, since: schemas.InstantOf(reserved.RecordedAt.Time().Add(-frozenEarlierMax))}
	lists, err := s.lists(ctx, order)
	if err != nil {
		return nil, err
	}
	published, trade, err := s.published(ctx, lists, f.trade)
	if err != nil {
		return nil, err
	}
	return proof.Make(order, s.shard, lists.Orders(trade), published, proof.Derivation(order, originsOf(trace), trace.Orders))
}

// journalOf returns the first journal of a trace that is a pot's.
func journalOf(trace *postgres.Trace) *ledger.Journal {
	for i := range trace.Journals {
		if trace.Journals[i].Pot != nil {
			return &trace.Journals[i]
		}
	}
	return nil
}

// search reads the topics for what an order was frozen with, from a time on.
type search struct {
	connection feed.Connection
	registry   *feed.Registry
	shard      int32
	since      schemas.Instant
}

// lists reads what the shard told of frozen orders. Where the order is not among them since the time, it is looked for among all.
func (s *search) lists(ctx context.Context, order schemas.ID) (*proof.Lists, error) {
	lists := proof.NewLists(order)
	err := readFrozen(ctx, s.connection, s.registry, s.shard, s.since, lists.Add)
	if err == nil && len(lists.Trades()) == 0 {
		s.since, lists = 0, proof.NewLists(order)
		err = readFrozen(ctx, s.connection, s.registry, s.shard, s.since, lists.Add)
	}
	if err == nil && len(lists.Trades()) == 0 {
		err = fmt.Errorf("it is in no batch of shard %d: its dealing day is not closed, or it was before the program kept what proofs need", s.shard)
	}
	return lists, err
}

// readFrozen calls each for what a shard told of frozen orders since a time.
func readFrozen(
	ctx context.Context, connection feed.Connection, registry *feed.Registry, shard int32, since schemas.Instant, each func(*audit.FrozenOrders),
) error {
	place := feed.Place{Topic: streams.AuditBatch, Partition: shard}
	return feed.ReadPartitionToEnd(ctx, connection, place, since, func(record feed.Record) error {
		payload, err := registry.Unframe(ctx, streams.AuditBatch, record.Value)
		if err != nil {
			return err
		}
		var frozen audit.FrozenOrders
		r := avrobin.NewReader(payload)
		frozen.DecodeAvro(r)
		if err := r.Done(); err != nil {
			return err
		}
		each(&frozen)
		return nil
	})
}

// published finds the record that published the wanted trade, or else the last of those that the order is in.
func (s *search) published(ctx context.Context, lists *proof.Lists, wanted string) (found *proof.Published, trade schemas.ID, err error) {
	trades := lists.Trades()
	if wanted != "" {
		trades = slices.DeleteFunc(trades, func(id schemas.ID) bool { return id.String() != wanted })
		if len(trades) == 0 {
			return nil, trade, fmt.Errorf("it is not in trade %s but in %v", wanted, lists.Trades())
		}
	}
	p := newPrinter(s.registry)
	err = feed.ReadPartitionToEnd(ctx, s.connection, feed.Place{Topic: streams.LedgerTrade}, s.since, func(record feed.Record) error {
		id, err := schemas.ParseID(string(record.Key))
		if err != nil || !slices.Contains(trades, id) {
			return nil //nolint:nilerr // it tells of another trade
		}
		line, err := p.line(ctx, &record)
		if err != nil {
			return err
		}
		told, err := proof.ParsePublished(line)
		if err == nil && told.IsRoot() {
			found, trade = told, id
		}
		return err
	})
	if err == nil && found == nil {
		err = errors.New("the root of its trade is not published yet: other shards have not closed the day, or pots are parked (penstock parked list)")
	}
	return found, trade, err
}

// line is a record as penstock tail prints it.
func (p *printer) line(ctx context.Context, r *feed.Record) ([]byte, error) {
	_, value, err := p.decode(ctx, r.Value)
	if err != nil {
		return nil, err
	}
	return json.Marshal(tailed{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: string(r.Key), Value: value})
}

// originsOf are the instructions that a trace leads to: an order comes from one of them.
func originsOf(trace *postgres.Trace) []proof.Origin {
	var origins []proof.Origin
	for i := range trace.Journals {
		if j := &trace.Journals[i]; j.Pot != nil && j.Topic == streams.IngestInstruction {
			o := proof.Origin{Source: j.Source, Pot: *j.Pot, Instruction: j.Cause, BookedOn: schemas.DateOf(j.RecordedAt.Time().Date())}
			if !slices.Contains(origins, o) {
				origins = append(origins, o)
			}
		}
	}
	return origins
}

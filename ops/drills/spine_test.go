package drills_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/engine"
	"github.com/penstock-ledger/penstock/streams/feed"
)

const (
	shards       = 4
	spineTimeMax = 60 * time.Second
)

// rig is the pipeline on an embedded broker and registry, without Postgres.
type rig struct {
	t          *testing.T
	ctx        context.Context
	connection feed.Connection
	registry   *feed.Registry
	producer   *feed.Producer
	engine     *engine.Engine
}

func allTopics(processes []streams.Process) []streams.Topic {
	topics := streams.Topics()
	for _, p := range processes {
		topics = append(topics, p.Table)
	}
	return topics
}

func newRig(t *testing.T) *rig {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	schemaRegistry := srfake.New()
	t.Cleanup(schemaRegistry.Close)
	ctx, cancel := context.WithTimeout(t.Context(), spineTimeMax)
	r := &rig{t: t, ctx: ctx, connection: feed.Connection{Brokers: cluster.ListenAddrs(), Registry: feed.RegistryAddress{URL: schemaRegistry.URL()}}}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))

	processes := append(intake.Processes([]byte("secret")), pot.Process(), dealing.Process(shards))
	topics, err := feed.NewTopics(r.connection, feed.Layout{Shards: shards, Replication: 1, MinInSync: 1})
	r.must(err)
	defer topics.Close()
	plan, err := topics.Plan(ctx, allTopics(processes))
	r.must(err)
	r.must(topics.Apply(ctx, plan))

	r.registry, err = feed.NewRegistry(r.connection.Registry, feed.RegistryOptions{Log: log})
	r.must(err)
	r.must(r.registry.Register(ctx, allTopics(processes)))
	r.producer, err = feed.NewProducer(r.connection)
	r.must(err)
	t.Cleanup(r.producer.Close)

	kafka, err := r.connection.Opts()
	r.must(err)
	r.engine, err = engine.New(engine.Config{
		Processes: processes, Shards: shards, Kafka: kafka, Framing: r.registry, Dir: t.TempDir(), Logger: log,
	})
	r.must(err)
	done := make(chan error, 1)
	go func() { done <- r.engine.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("engine: %v", err)
		}
	})
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) send(topic, key string, at schemas.Instant, value streams.Value) {
	r.t.Helper()
	_, err := r.producer.Send(r.ctx, feed.Message{Topic: topic, Key: key, Timestamp: at, Value: value.AppendAvro(r.registry.Frame(topic, nil))})
	r.must(err)
}

func (r *rig) tick(at schemas.Instant) {
	r.t.Helper()
	for p := range int32(shards) {
		value := (&ingest.Instruction{Source: "clock", Body: &ingest.Tick{}}).AppendAvro(r.registry.Frame(streams.IngestInstruction, nil))
		_, err := r.producer.Send(r.ctx, feed.Message{Topic: streams.IngestInstruction, Value: value, Timestamp: at, Partition: &p})
		r.must(err)
	}
}

type record[T any] interface {
	*T
	DecodeAvro(*avrobin.Reader)
}

// read returns all records of a topic so far.
func read[T any, P record[T]](r *rig, topic string) []*T {
	r.t.Helper()
	var all []*T
	r.must(feed.ReadToEnd(r.ctx, r.connection, topic, func(rec feed.Record) error {
		payload, err := r.registry.Unframe(r.ctx, topic, rec.Value)
		if err != nil {
			return err
		}
		v := new(T)
		reader := avrobin.NewReader(payload)
		P(v).DecodeAvro(reader)
		all = append(all, v)
		return reader.Done()
	}))
	return all
}

// await reads the topic until the condition holds of what is in it.
func await[T any, P record[T]](r *rig, topic, what string, enough func([]*T) bool) []*T {
	r.t.Helper()
	for {
		all := read[T, P](r, topic)
		if enough(all) {
			return all
		}
		select {
		case <-r.ctx.Done():
			for _, s := range r.engine.Status() {
				r.t.Logf("%+v", s)
			}
			for _, rejection := range read[audit.Rejection](&rig{t: r.t, ctx: context.Background(), connection: r.connection, registry: r.registry}, streams.AuditRejection) {
				r.t.Logf("rejection %+v", rejection)
			}
			r.t.Fatalf("waiting for %s on %s: %d records", what, topic, len(all))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func count[T any](n int) func([]*T) bool { return func(all []*T) bool { return len(all) >= n } }

func at(text string) schemas.Instant {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return schemas.InstantOf(t)
}

func day(text string) schemas.Date {
	d, err := schemas.ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}

func TestAContributionBecomesSettledUnits(t *testing.T) {
	r := newRig(t)
	morning := at("2008-03-20T08:00:00Z")
	for i, body := range []reference.EntryBody{
		&reference.Calendar{Name: "XLON", FirstDay: day("2008-01-01"), LastDay: day("2008-12-31"), Closed: []schemas.Date{day("2008-03-21"), day("2008-03-24")}},
		&reference.Calendar{Name: "XNYS", FirstDay: day("2008-01-01"), LastDay: day("2008-12-31"), Closed: []schemas.Date{day("2008-03-21")}},
		&reference.Custodian{ID: "CUST", Name: "A custodian"},
		&reference.Settings{EffectiveFrom: day("2008-01-01"), PlatformCalendar: "XLON", Zone: "Europe/London", BackdatingDays: 90},
		&reference.Asset{
			Code: "AAPL", EffectiveFrom: day("2008-01-02"), Name: "AAPL tracker", Custodian: "CUST", Calendar: "XNYS", UnitsScale: 4, PriceScale: 4,
			CutOffMinute: 12 * 60, SettlementLag: 2, PriceTolerance: 150_000,
		},
	} {
		r.send(streams.IngestReference, "r", morning, &ingest.ReferenceData{Source: "ops", ID: fmt.Sprint(i), Entry: reference.Entry{Body: body}})
	}
	await(r, streams.PotInbox, "reference data in every shard", count[inbox.PotMessage](5*shards))

	const pots = 20
	for i := range pots {
		id := schemas.PotID(fmt.Sprintf("pot-%d", i))
		r.send(streams.IngestInstruction, string(id), morning+1, &ingest.Instruction{Source: "portal", ID: "open", Pot: id, InstructedOn: day("2008-03-20"), Body: &ingest.PotOpened{}})
		r.send(streams.IngestInstruction, string(id), morning+2, &ingest.Instruction{
			Source: "payroll", ID: "c1", Pot: id, InstructedOn: day("2008-03-20"),
			Body: &ingest.Contribution{Cash: 100_00, Split: []ingest.SplitPart{{Asset: "AAPL", Weight: schemas.WeightOne}}},
		})
	}
	await(r, streams.LedgerJournal, "contributions", count[ledger.Journal](pots))
	r.tick(at("2008-03-20T12:00:01Z"))
	orders := await(r, streams.CustodianOrder, "the external trade", count[custodian.CustodianOrder](1))
	if want := schemas.Money(pots * 100_00); *orders[0].Cash != want {
		t.Fatalf("ordered %s, want %s", *orders[0].Cash, want)
	}
	trade := orders[0].Trade
	evening := at("2008-03-20T21:00:00Z")
	price, _ := schemas.ParsePrice("133.27")
	units, _ := schemas.MulDivFloor(pots*100_00, schemas.Power10(10), int64(price))
	quantity, _ := schemas.QuantityOf(units, 4)
	r.send(streams.IngestConfirmation, trade.String(), evening, &ingest.Confirmation{
		Custodian: "CUST", ID: "f1", Trade: trade, Body: &ingest.FillPriced{Piece: 1, Cash: pots * 100_00, Units: quantity, Price: price, Final: true},
	})
	r.send(streams.IngestPrice, "AAPL", evening+1, &ingest.Price{Source: "vendor", Asset: "AAPL", Date: day("2008-03-20"), Close: price})
	await(r, streams.StatusInstruction, "priced orders", func(all []*status.InstructionStatus) bool {
		n := 0
		for _, s := range all {
			if s.State == "priced" {
				n++
			}
		}
		return n == pots
	})
	r.send(streams.IngestConfirmation, trade.String(), at("2008-03-25T09:00:00Z"), &ingest.Confirmation{
		Custodian: "CUST", ID: "s1", Trade: trade, Body: &ingest.TradeSettled{SettledOn: orders[0].SettlesOn},
	})
	await(r, streams.StatusInstruction, "settled orders", func(all []*status.InstructionStatus) bool {
		n := 0
		for _, s := range all {
			if s.State == "settled" {
				n++
			}
		}
		return n == pots
	})
	journals := await(r, streams.LedgerJournal, "closing journals", count[ledger.Journal](3*pots+shards))
	sums := map[schemas.AssetCode]map[schemas.Account]schemas.Quantity{}
	for _, j := range journals {
		if j.ExpectedHash() != j.Hash {
			t.Errorf("journal %s: hash", j.ID)
		}
		for _, p := range j.Postings {
			if sums[p.Asset] == nil {
				sums[p.Asset] = map[schemas.Account]schemas.Quantity{}
			}
			sums[p.Asset][p.From] -= p.Quantity
			sums[p.Asset][p.To] += p.Quantity
		}
	}
	for asset, accounts := range sums {
		t.Logf("%s: %v", asset, accounts)
	}
	if owed := sums[schemas.Cash][ledger.CashOwed("CUST")]; owed != 0 {
		t.Errorf("cash owed %s after settlement", owed)
	}
	if owed := sums["AAPL"][ledger.UnitsOwed("CUST")]; owed != 0 {
		t.Errorf("units owed %s after settlement", owed)
	}
	if rejections := read[audit.Rejection](r, streams.AuditRejection); len(rejections) > 0 {
		t.Errorf("rejections: %+v", rejections)
	}
}

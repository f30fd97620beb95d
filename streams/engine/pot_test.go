package engine_test

import (
	"context"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/tester"

	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/engine"
)

// bare is a framing without a frame: goka's tester has no registry.
type bare struct{}

func (bare) Frame(_ string, b []byte) []byte { return b }

func (bare) Unframe(_ context.Context, _ string, framed []byte) ([]byte, error) { return framed, nil }

// potBench is the pot's group in goka's tester: no broker, no engine.
type potBench struct {
	t        *testing.T
	tester   *tester.Tester
	journals *tester.QueueTracker
	statuses *tester.QueueTracker
}

func newPotBench(t *testing.T) *potBench {
	t.Helper()
	process := pot.Process()
	gt := tester.New(t)
	processor, err := goka.NewProcessor(nil, engine.Graph(process, process.NewHandler(bare{}), bare{}), goka.WithTester(gt))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- processor.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &potBench{t, gt, gt.NewQueueTracker(streams.LedgerJournal), gt.NewQueueTracker(streams.StatusInstruction)}
}

const (
	dealingDay = schemas.Date(13958) // 2008-03-20, a Thursday
	morning    = schemas.Instant(dealingDay)*24*60*60*1000 + 8*60*60*1000
)

func (b *potBench) tell(key string, body inbox.PotBody) {
	message := inbox.PotMessage{Cause: inbox.Cause{Source: "test", ID: "1", ReceivedAt: morning}, Body: body}
	b.tester.Consume(streams.PotInbox, key, message.AppendAvro(nil))
}

func (b *potBench) instruct(id schemas.InstructionID, body ingest.InstructionBody) {
	b.tell("p1", &inbox.Instructed{Instruction: ingest.Instruction{Source: "test", ID: id, Pot: "p1", InstructedOn: dealingDay, Body: body}})
}

func (b *potBench) refer(body reference.EntryBody) {
	b.tell("!0", &inbox.ReferenceChanged{Entry: reference.Entry{Body: body}})
}

func (b *potBench) next(queue *tester.QueueTracker, value interface{ DecodeAvro(*avrobin.Reader) }) {
	b.t.Helper()
	_, message, more := queue.Next()
	payload, ok := message.([]byte)
	if !more || !ok {
		b.t.Fatal("no further record")
	}
	r := avrobin.NewReader(payload)
	value.DecodeAvro(r)
	if err := r.Done(); err != nil {
		b.t.Fatal(err)
	}
}

func TestThePotRunsInTheTesterOfGoka(t *testing.T) {
	b := newPotBench(t)
	for _, name := range []string{"XLON", "XNYS"} {
		b.refer(&reference.Calendar{Name: name, FirstDay: dealingDay - 100, LastDay: dealingDay + 100})
	}
	b.refer(&reference.Settings{EffectiveFrom: dealingDay - 100, PlatformCalendar: "XLON", Zone: "Europe/London", BackdatingDays: 90})
	b.refer(&reference.Asset{Code: "AAPL", EffectiveFrom: dealingDay - 100, Custodian: "CUST", Calendar: "XNYS", UnitsScale: 4, CutOffMinute: 720})

	b.instruct("open", &ingest.PotOpened{})
	b.instruct("c1", &ingest.Contribution{Cash: 100_00})
	b.instruct("b1", &ingest.Buy{Asset: "AAPL", Cash: 60_00})
	b.instruct("b2", &ingest.Buy{Asset: "AAPL", Cash: 60_00})
	for _, want := range []schemas.Code{"accepted", "accepted", "accepted", "rejected"} {
		var got status.InstructionStatus
		if b.next(b.statuses, &got); got.State != want {
			t.Fatalf("instruction %s is %s %s, want %s", got.ID, got.State, got.Code, want)
		}
	}

	trade := schemas.DeriveID("some trade")
	batch := inbox.PricedBatch{
		Trade: trade, Day: dealingDay, Custodian: "CUST", Asset: "AAPL", UnitsScale: 4, Weight: 60_00, WeightThrough: 60_00,
		Piece: 1, Final: true, Price: 30_0000_0000, GotThrough: 2_0000, GivenThrough: 60_00,
	}
	b.tell("!0", &inbox.DayClosed{Day: dealingDay, Assets: []inbox.ClosedAsset{{Asset: "AAPL", Custodian: "CUST", UnitsScale: 4}}})
	b.tell("!0", &inbox.BatchesConfirmed{Priced: []inbox.PricedBatch{batch}})

	var head [32]byte
	for sequence, postings := range []int{1, 1, 2} {
		var journal ledger.Journal
		b.next(b.journals, &journal)
		if journal.Sequence != int64(sequence+1) || journal.Previous != head || journal.Hash != journal.ExpectedHash() || len(journal.Postings) != postings {
			t.Fatalf("journal %d does not follow the one before: %+v", sequence+1, journal)
		}
		head = journal.Hash
	}

	stored, _ := b.tester.TableValue(goka.Table(pot.Process().Table.Name), "p1").([]byte)
	var table state.PotTable
	table.DecodeAvro(avrobin.NewReader(stored))
	p1, ok := table.Body.(*state.PotState)
	if !ok || p1.Available != 40_00 || p1.Reserved != 0 || len(p1.Holdings) != 1 || p1.Holdings[0].Pending != 2_0000 {
		t.Fatalf("the pot is %+v", table.Body)
	}
}

package pot_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/streams"
)

// prefixed frames as the registry does, without one.
type prefixed struct{}

func (prefixed) Frame(topic string, b []byte) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0), streams.Hash(topic))
}

func (prefixed) Unframe(_ context.Context, _ string, framed []byte) ([]byte, error) {
	return framed[5:], nil
}

// desk drives one pot through the handler that the engine drives, and keeps its state as bytes.
type desk struct {
	b       *testing.B
	handler streams.Handler
	chain   streams.Chain
	outs    int
}

const potID = "p-000001"

var benchDay = schemas.DateOf(2008, 3, 17)

var benchAssets = []schemas.AssetCode{"GB00B3X7QG63", "IE00B4L5Y983", "LU0323578657"}

func newDesk(b *testing.B) *desk {
	b.Helper()
	d := &desk{b: b, handler: pot.Process().NewHandler(prefixed{})}
	if err := d.handler.Restore(nil, nil); err != nil {
		b.Fatal(err)
	}
	entries := []reference.EntryBody{
		&reference.Settings{EffectiveFrom: benchDay - 100, PlatformCalendar: "platform", Zone: "Europe/London", BackdatingDays: 90},
		&reference.Calendar{Name: "platform", FirstDay: benchDay - 100, LastDay: benchDay + 300},
	}
	for _, asset := range benchAssets {
		entries = append(entries, &reference.Asset{
			Code: asset, EffectiveFrom: benchDay - 100, Custodian: "CREST", Calendar: "platform", UnitsScale: 4, PriceScale: 4, CutOffMinute: 720, SettlementLag: 2,
		})
	}
	for _, body := range entries {
		d.close(&inbox.ReferenceChanged{Entry: reference.Entry{Body: body}})
	}
	return d
}

// encoded is a message as it lies on the inbox, out of its frame.
func encoded(id string, body inbox.PotBody) []byte {
	m := inbox.PotMessage{Cause: inbox.Cause{
		Source: "payroll", ID: id, ReceivedAt: schemas.Instant(benchDay)*24*60*60*1000 + 9*60*60*1000, Topic: "ingest.instruction.v1", Offset: 123456,
	}, Body: body}
	return m.AppendAvro(nil)
}

func (d *desk) route(value []byte) *streams.Route {
	route, err := d.handler.Route(&streams.Record{Topic: streams.PotInbox, Value: value})
	if err != nil {
		d.b.Fatal(err)
	}
	return &route
}

func (d *desk) scope() *streams.Scope {
	return &streams.Scope{Shards: 8, RecordedAt: 1, Chain: &d.chain, Emit: func(string, string, []byte) { d.outs++ }}
}

func (d *desk) close(body inbox.PotBody) {
	route := d.route(encoded("r", body))
	if _, err := d.handler.Close(d.scope(), route); err != nil {
		d.b.Fatal(err)
	}
}

// decide decides one message, from bytes to bytes, and returns the new state.
func (d *desk) decide(scope *streams.Scope, value, state []byte) []byte {
	route := d.route(value)
	change, err := d.handler.Decide(scope, route, potID, state)
	if err != nil {
		d.b.Fatal(err)
	}
	if change.State == nil {
		return state
	}
	return change.State
}

func instruction(id string, body ingest.InstructionBody) inbox.PotBody {
	return &inbox.Instructed{Instruction: ingest.Instruction{Source: "payroll", ID: schemas.InstructionID(id), Pot: potID, InstructedOn: benchDay, Body: body}}
}

func inThree(cash schemas.Money) *ingest.Contribution {
	return &ingest.Contribution{Cash: cash, Split: []ingest.SplitPart{
		{Asset: benchAssets[0], Weight: 400_000}, {Asset: benchAssets[1], Weight: 350_000}, {Asset: benchAssets[2], Weight: 250_000},
	}}
}

// confirmedBatches is a sweep's message over all three assets.
func confirmedBatches() *inbox.BatchesConfirmed {
	m := &inbox.BatchesConfirmed{}
	for _, asset := range benchAssets {
		m.Priced = append(m.Priced, inbox.PricedBatch{
			Trade: batch.Trade(benchDay, "CREST", asset, batch.Kind{}), Day: benchDay, Custodian: "CREST", Asset: asset, UnitsScale: 4,
			Weight: 1_000_000_00, WeightThrough: 1_000_000_00, Piece: 1, Final: true, Price: 133_2700_0000, PriceVersion: 1, GotThrough: 75_035_642, GivenThrough: 999_999_99,
		})
	}
	return m
}

func settledBatches() *inbox.BatchesConfirmed {
	m := &inbox.BatchesConfirmed{}
	for _, asset := range benchAssets {
		m.Settled = append(m.Settled, inbox.SettledBatch{
			Trade: batch.Trade(benchDay, "CREST", asset, batch.Kind{}), Day: benchDay, Custodian: "CREST", Asset: asset, UnitsScale: 4,
			Weight: 1_000_000_00, WeightThrough: 1_000_000_00, Got: 75_035_642, Given: 999_999_99, SettledOn: benchDay + 2,
		})
	}
	return m
}

// holding returns the state of a pot with three holdings, some cash, and twelve instructions that it has answered.
func (d *desk) holding() []byte {
	var state []byte
	state = d.decide(d.scope(), encoded("open", instruction("open", &ingest.PotOpened{})), state)
	state = d.decide(d.scope(), encoded("c0", instruction("c0", inThree(300_00))), state)
	state = d.visit(confirmedBatches(), state)
	state = d.visit(settledBatches(), state)
	for i := range 10 {
		id := fmt.Sprintf("c%d", i+1)
		state = d.decide(d.scope(), encoded(id, instruction(id, &ingest.Contribution{Cash: 50_00})), state)
	}
	return state
}

func (d *desk) visit(m *inbox.BatchesConfirmed, state []byte) []byte {
	return d.decide(d.scope(), encoded("sweep", m), state)
}

// run measures one message, decoded and decided from bytes to bytes.
func (d *desk) run(value, state []byte) {
	scope := d.scope()
	d.outs = 0
	d.decide(scope, value, state)
	if d.outs < 2 {
		d.b.Fatalf("the message has %d outputs: it was refused", d.outs)
	}
	d.b.ReportAllocs()
	for d.b.Loop() {
		d.decide(scope, value, state)
	}
}

func BenchmarkContributionInThree(b *testing.B) {
	d := newDesk(b)
	d.run(encoded("c-2008-03", instruction("c-2008-03", inThree(250_00))), d.holding())
}

func BenchmarkBuy(b *testing.B) {
	d := newDesk(b)
	d.run(encoded("b-1", instruction("b-1", &ingest.Buy{Asset: benchAssets[1], Cash: 40_00})), d.holding())
}

// A visit's message is decoded once per sweep and not measured.
func BenchmarkVisit(b *testing.B) {
	for name, m := range map[string]*inbox.BatchesConfirmed{"Priced": confirmedBatches(), "Settled": settledBatches()} {
		b.Run(name, func(b *testing.B) {
			d := newDesk(b)
			state := d.decide(d.scope(), encoded("c-2008-03", instruction("c-2008-03", inThree(250_00))), d.holding())
			if name == "Settled" {
				state = d.visit(confirmedBatches(), state)
			}
			scope, route := d.scope(), d.route(encoded("sweep", m))
			d.outs = 0
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.handler.Decide(scope, route, potID, state); err != nil {
					b.Fatal(err)
				}
			}
			if d.outs < 2*b.N {
				b.Fatalf("%d outputs of %d visits", d.outs, b.N)
			}
		})
	}
}

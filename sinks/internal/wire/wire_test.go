package wire_test

import (
	"context"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/payment"
	"github.com/penstock-ledger/penstock/sinks/internal/wire"
	"github.com/penstock-ledger/penstock/sinks/internal/wire/wiretest"
	"github.com/penstock-ledger/penstock/streams"
)

// echo confirms each close by its asset, at the first time that it is told after it.
type echo struct {
	said []string
	due  []ingest.Confirmation
	now  schemas.Instant
}

func (e *echo) Said(c *ingest.Confirmation) { e.said = append(e.said, c.ID) }
func (e *echo) Now() schemas.Instant        { return e.now }

func (e *echo) Reached(at schemas.Instant) []ingest.Confirmation {
	e.now = at
	due := e.due
	e.due = nil
	return due
}

func (e *echo) published(p *ingest.Price, _ schemas.Instant) []ingest.Confirmation {
	e.due = append(e.due, ingest.Confirmation{ID: string(p.Asset), Body: &ingest.TradeRejected{}})
	return nil
}

// wired returns how to run a new echo on the rig, and where to look at the latest one.
func wired(rig *wiretest.Rig) (run func(context.Context) error, latest func() *echo) {
	var party *echo
	return func(ctx context.Context) error {
		party = &echo{}
		w := wire.Wire{
			Connection: rig.Connection, Registry: rig.Registry, Log: rig.Log, Party: party, Subject: "trade",
			Orders: []wire.Ear{wire.On(streams.PaymentOrder, func(*payment.PaymentOrder, schemas.Instant) []ingest.Confirmation { return nil })},
			Others: []wire.Ear{wire.On(streams.IngestPrice, party.published)},
		}
		return w.Run(ctx)
	}, func() *echo { return party }
}

func newRig(t *testing.T) *wiretest.Rig {
	t.Helper()
	return wiretest.New(t, wire.Topics(streams.PaymentOrder, streams.IngestPrice))
}

const noon = schemas.Instant(1_200_000_000_000)

func TestWhatStrangersWriteUnreadablyIsPassedOver(t *testing.T) {
	rig := newRig(t)
	run, latest := wired(rig)
	rig.SendBytes(streams.IngestPrice, 0, noon, []byte("no price"))
	rig.SendBytes(streams.IngestPrice, 0, noon, rig.Registry.Frame(streams.IngestPrice, nil))
	rig.SendBytes(streams.IngestInstruction, 0, noon, []byte("no instruction"))
	rig.SendBytes(streams.IngestConfirmation, 0, noon, []byte("no confirmation"))
	rig.Send(streams.IngestConfirmation, 0, noon, &ingest.Confirmation{ID: "before", Body: &ingest.TradeRejected{}})
	rig.Send(streams.IngestInstruction, 0, noon, &ingest.Instruction{Source: "portal", ID: "i1", Pot: "p1", Body: &ingest.PotOpened{}})
	rig.Send(streams.IngestPrice, 0, noon, &ingest.Price{Source: "vendor", Asset: "IBM", Close: 1})
	stop := rig.Start(run)
	all := rig.Next(2, noon)
	stop()
	if all[0].ID != "before" || all[1].ID != "IBM" || len(all) != 2 {
		t.Errorf("confirmed %+v", all)
	}
	if said := latest().said; len(said) != 1 || said[0] != "before" {
		t.Errorf("the party was told that it said %v", said)
	}
}

func TestAnOrderOfOurOwnThatCannotBeReadIsAnError(t *testing.T) {
	rig := newRig(t)
	run, _ := wired(rig)
	rig.SendBytes(streams.PaymentOrder, 1, noon, []byte("no order"))
	if err := rig.Fails(run); err == nil || !strings.Contains(err.Error(), "an order of our own") || !strings.Contains(err.Error(), streams.PaymentOrder) {
		t.Errorf("ended with %v", err)
	}
}

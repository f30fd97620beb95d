package custodian_test

import (
	"context"
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/sinks/custodian"
	"github.com/penstock-ledger/penstock/sinks/internal/wire/wiretest"
	"github.com/penstock-ledger/penstock/streams"
)

func TestTheLinkConfirmsOverARestart(t *testing.T) {
	rig := wiretest.New(t, custodian.Topics())
	rule := custodian.Rule{Asset: "IBM", Day: monday, Pieces: []schemas.Weight{600_000, 400_000}}
	config := custodian.Config{
		Connection: rig.Connection, Registry: rig.Registry, Behaviour: custodian.Behaviour{Rules: []custodian.Rule{rule}}, Zone: london(t), Log: rig.Log,
	}
	run := func(ctx context.Context) error { return custodian.Run(ctx, config) }

	stop := rig.Start(run)
	rig.Send(streams.IngestPrice, 0, at("2008-03-31T20:00:00Z"), closeOf("115.14"))
	rig.Send(streams.CustodianOrder, 0, at("2008-03-31T11:00:00Z"), order(100_00))
	expect(t, rig.Next(2, at("2008-03-31T11:00:00Z")), "priced/1 60.00 0.521000 at 115.14000000; priced/2 40.00 0.347000 at 115.14000000 final")
	stop()

	stop = rig.Start(run)
	expect(t, rig.Next(1, at("2008-04-02T07:00:00Z")), "settled on 2008-04-02")
	stop()
}

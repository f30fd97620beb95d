package bank_test

import (
	"context"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/sinks/bank"
	"github.com/penstock-ledger/penstock/sinks/internal/wire/wiretest"
	"github.com/penstock-ledger/penstock/streams"
)

func TestTheLinkPaysOverARestart(t *testing.T) {
	rig := wiretest.New(t, bank.Topics())
	run := func(ctx context.Context) error {
		return bank.Run(ctx, bank.Config{Connection: rig.Connection, Registry: rig.Registry, Zone: time.UTC, Log: rig.Log})
	}
	stop := rig.Start(run)
	rig.Send(streams.PaymentOrder, 1, at(t, "2008-03-17 09:00"), order(one, "jo", at(t, "2008-03-17 09:00")))
	expect(t, rig.Next(1, at(t, "2008-03-17 09:01")), "sent 1.00 on 2008-03-17")
	stop()

	stop = rig.Start(run)
	expect(t, rig.Next(1, at(t, "2008-03-18 09:00")), "paid 1.00 on 2008-03-18")
	stop()
}

package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock-ledger/penstock/ops/demo"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	orders "github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/sinks/custodian"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// desk is the vendor and the custodians. They answer when the benchmark says so, and all at once: then one sweep carries
// all trades, as on a day on which the confirmations come as one file.
type desk struct {
	stack     *stack
	reader    *feed.Reader
	simulator *custodian.Simulator
}

func newDesk(s *stack, market *demo.Market) (*desk, error) {
	reader, err := feed.NewReader(s.connection, s.log)
	if err != nil {
		return nil, err
	}
	reader.Add(feed.Position{Place: feed.Place{Topic: streams.CustodianOrder}})
	return &desk{stack: s, reader: reader, simulator: custodian.NewSimulator(custodian.Behaviour{}, market.Zone())}, nil
}

func (d *desk) close() { d.reader.Close() }

// receive reads orders until there are so many.
func (d *desk) receive(ctx context.Context, want int) error {
	have := 0
	for have < want {
		batches, err := d.reader.Poll(ctx)
		if err != nil {
			return fmt.Errorf("waiting for the custodian's orders: %w", err)
		}
		for i := range batches {
			for _, record := range batches[i].Records {
				var order orders.CustodianOrder
				payload, err := d.stack.registry.Unframe(ctx, record.Topic, record.Value)
				if err != nil {
					return err
				}
				reader := avrobin.NewReader(payload)
				order.DecodeAvro(reader)
				if err := reader.Done(); err != nil {
					return fmt.Errorf("decoding the custodian's order: %w", err)
				}
				d.simulator.Ordered(&order)
				have++
			}
		}
	}
	return nil
}

// publish sends the closes of the day, waits until dealing knows them, and confirms all trades.
func (d *desk) publish(ctx context.Context, prices []ingest.Price) error {
	d.stack.advanceTo(published)
	sent := make([]outgoing, len(prices))
	var confirmations []ingest.Confirmation
	for i := range prices {
		sent[i] = outgoing{streams.IngestPrice, string(prices[i].Asset), &prices[i]}
		confirmations = append(confirmations, d.simulator.Published(&prices[i], published)...)
	}
	if err := d.stack.sendAll(ctx, sent); err != nil {
		return err
	}
	err := d.stack.until(ctx, func() (bool, error) {
		known, err := d.stack.dealingReference()
		return known != nil && len(known.Prices) == len(prices), err
	})
	if err != nil {
		return fmt.Errorf("waiting for the prices to be known: %w", err)
	}
	return d.confirm(ctx, confirmations)
}

// settle confirms all settlements, on a day by which all of them are due.
func (d *desk) settle(ctx context.Context) error {
	d.stack.advanceTo(delivered)
	return d.confirm(ctx, d.simulator.Reached(schemas.InstantOf(delivered.Time().Add(time.Minute))))
}

func (d *desk) confirm(ctx context.Context, confirmations []ingest.Confirmation) error {
	if len(confirmations) != len(funds()) {
		return fmt.Errorf("the custodians have %d confirmations for %d trades", len(confirmations), len(funds()))
	}
	sent := make([]outgoing, len(confirmations))
	for i := range confirmations {
		sent[i] = outgoing{streams.IngestConfirmation, confirmations[i].Trade.String(), &confirmations[i]}
	}
	return d.stack.sendAll(ctx, sent)
}

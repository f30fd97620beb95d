package custodian

import (
	"context"
	"log/slog"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/sinks/internal/wire"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// Config says with what the simulator runs. All but Behaviour are required.
type Config struct {
	Connection feed.Connection
	// Registry must have been told of the topics that are read and written here.
	Registry *feed.Registry
	// Behaviour says what is out of the ordinary.
	Behaviour Behaviour
	// Zone is where settlement days begin at midnight.
	Zone *time.Location
	Log  *slog.Logger
}

// Topics returns the topics that Run reads and writes.
func Topics() []streams.Topic {
	return wire.Topics(streams.CustodianOrder, streams.CustodianDelivery, streams.IngestPrice)
}

// Run plays the custodians until ctx ends, and then returns nil. It keeps no state: at its start it reads what it said
// before, and then everything that it is told from the oldest record on. After an
// error it may be called again.
func Run(ctx context.Context, config Config) error {
	if err := config.Behaviour.Validate(); err != nil {
		return err
	}
	simulator := NewSimulator(config.Behaviour, config.Zone)
	w := wire.Wire{
		Connection: config.Connection, Registry: config.Registry, Log: config.Log, Party: simulator, Subject: "trade",
		Orders: []wire.Ear{
			wire.On(streams.CustodianOrder, func(order *custodian.CustodianOrder, _ schemas.Instant) []ingest.Confirmation {
				return simulator.Ordered(order)
			}),
			wire.On(streams.CustodianDelivery, func(order *custodian.DeliveryOrder, _ schemas.Instant) []ingest.Confirmation {
				return simulator.Delivering(order)
			}),
		},
		Others: []wire.Ear{wire.On(streams.IngestPrice, simulator.Published)},
	}
	return w.Run(ctx)
}

package bank

import (
	"context"
	"log/slog"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/payment"
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
	// Zone is where the bank's days begin at midnight.
	Zone *time.Location
	Log  *slog.Logger
}

// Topics returns the topics that Run reads and writes.
func Topics() []streams.Topic { return wire.Topics(streams.PaymentOrder) }

// Run plays the bank until ctx ends, and then returns nil. It keeps no state: at its start it reads what it said before, and then
// everything that it is told from the oldest record on. After an error it may be called again.
func Run(ctx context.Context, config Config) error {
	simulator := NewSimulator(config.Behaviour, config.Zone)
	w := wire.Wire{
		Connection: config.Connection, Registry: config.Registry, Log: config.Log, Party: simulator, Subject: "payment",
		Orders: []wire.Ear{wire.On(streams.PaymentOrder, func(order *payment.PaymentOrder, _ schemas.Instant) []ingest.Confirmation {
			return simulator.Ordered(order)
		})},
	}
	return w.Run(ctx)
}

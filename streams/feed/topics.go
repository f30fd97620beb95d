package feed

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
)

// Layout is what all topics of one system have in common. It is chosen once, before the topics are created.
type Layout struct {
	// Shards is the number of partitions of topics of WidthShards.
	Shards int32
	// Replication is how many brokers hold each partition, MinInSync how many must have a record before it is acknowledged.
	Replication, MinInSync int16
	// Stamping lets the broker stamp the records of Stamped topics; in simulated time producers do.
	Stamping bool
	// Production refuses what no ledger of record should run on: fewer than three replicas, acknowledgement by one broker,
	// stamping by producers, a broker with the old transaction protocol.
	Production bool
}

// What production needs at least.
const (
	productionReplicationMin = 3
	productionInSyncMin      = 2
)

// Validate says what is wrong with the layout, and with the topics in it, before any broker is asked.
func (l Layout) Validate(topics []streams.Topic) error {
	var wrong []error
	if l.Shards < 1 {
		wrong = append(wrong, fmt.Errorf("shards: %d; write a number from 1, chosen once for the whole system", l.Shards))
	}
	if l.Replication < 1 || l.MinInSync < 1 || l.MinInSync > l.Replication {
		wrong = append(wrong, fmt.Errorf("replication %d with min in-sync %d: both are at least 1, and min in-sync at most replication",
			l.Replication, l.MinInSync))
	}
	if l.Production {
		wrong = append(wrong, l.unfitForProduction()...)
	}
	seen := make(map[string]bool, len(topics))
	for _, topic := range topics {
		if topic.RecordBytesMax < 1 || topic.RecordBytesMax > RecordBytesMax {
			wrong = append(wrong, fmt.Errorf("topic %s: a record of %d bytes is declared; it must be from 1 to %d",
				topic.Name, topic.RecordBytesMax, RecordBytesMax))
		}
		if seen[topic.Name] {
			wrong = append(wrong, fmt.Errorf("topic %s is declared twice", topic.Name))
		}
		seen[topic.Name] = true
	}
	return errors.Join(wrong...)
}

func (l Layout) unfitForProduction() []error {
	var wrong []error
	if l.Replication < productionReplicationMin {
		wrong = append(wrong, fmt.Errorf("replication %d: production needs at least %d", l.Replication, productionReplicationMin))
	}
	if l.MinInSync < productionInSyncMin {
		wrong = append(wrong, fmt.Errorf("min in-sync %d: production needs at least %d, or one broken disk loses acknowledged records",
			l.MinInSync, productionInSyncMin))
	}
	if !l.Stamping {
		wrong = append(wrong, errors.New("stamping by producers: production needs the broker's clock, or a sender can choose its dealing day"))
	}
	return wrong
}

// Topics creates and verifies topics and access rights.
type Topics struct {
	client *kgo.Client
	admin  *kadm.Client
	layout Layout
	// address is shown in the commands that mend a difference.
	address string
	// floor compares only what Unsafe does.
	floor bool
}

// adminTimeoutMax bounds one administrative request at the broker, in milliseconds.
const adminTimeoutMax = 30_000

// NewTopics connects an administrative client; Close ends it.
func NewTopics(connection Connection, layout Layout) (*Topics, error) {
	opts, err := connection.Opts()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("making the administrative client: %w", err)
	}
	admin := kadm.NewClient(client)
	admin.SetTimeoutMillis(adminTimeoutMax)
	return &Topics{client: client, admin: admin, layout: layout, address: strings.Join(connection.Brokers, ",")}, nil
}

// Close ends the client.
func (t *Topics) Close() { t.admin.Close() }

package feed

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/schemas"
)

// Place names one partition of a topic.
type Place struct {
	Topic     string
	Partition int32
}

func (p Place) String() string { return fmt.Sprintf("%s/%d", p.Topic, p.Partition) }

// Position is where a record lies.
type Position struct {
	Place
	Offset int64
}

func (p Position) String() string { return fmt.Sprintf("%s@%d", p.Place, p.Offset) }

// Record is one record as it lies on a topic: its value is still in the registry's frame. Key and Value must not be changed; they
// share memory with the other records of their batch, so copy what is kept for long.
type Record struct {
	Position
	Key, Value []byte
	// Timestamp is the broker's or the producer's, as the topic says.
	Timestamp schemas.Instant
}

func recordOf(r *kgo.Record) Record {
	return Record{
		Position: Position{Place{r.Topic, r.Partition}, r.Offset},
		Key:      r.Key, Value: r.Value, Timestamp: schemas.InstantOf(r.Timestamp),
	}
}

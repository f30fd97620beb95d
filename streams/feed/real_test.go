package feed

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/penstock-ledger/penstock/ops/realkafka"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
)

// One broker serves all of these: starting one takes seconds.
func TestRealBrokerAgreesWithTheEmbeddedOne(t *testing.T) {
	broker := realkafka.ForTest(t, realkafka.Options{})
	connection := Connection{Brokers: []string{broker.Addr()}}
	topics := newTopics(t, connection, smallLayout())
	wrong := map[string]*string{settingUnclean: kadm.StringPtr("true"), settingRetentionTime: kadm.StringPtr("1000")}
	if _, err := topics.admin.CreateTopic(t.Context(), 4, 1, wrong, "pot-table"); err != nil {
		t.Fatal(err)
	}
	apply(t, topics, declared())
	apply(t, topics, declared())
	t.Run("takes every setting as written", func(t *testing.T) {
		if differences, err := topics.Verify(t.Context(), declared()); err != nil || len(differences) != 0 {
			t.Errorf("left to do: %v, %v", differences, err)
		}
	})
	t.Run("has the new transaction protocol", func(t *testing.T) {
		if refused, err := topics.transactionVersion(t.Context()); err != nil || len(refused) != 0 {
			t.Errorf("got %v, %v", refused, err)
		}
	})
	t.Run("says that it checks no rights", func(t *testing.T) {
		if _, err := topics.PlanAccess(t.Context(), nil); err == nil {
			t.Error("no error")
		}
	})
	t.Run("is read to the end", func(t *testing.T) { checkReadToEnd(t, connection) })
	t.Run("stamps what it is told to", func(t *testing.T) {
		message := Message{Topic: "ingest.order.v1", Key: "p1", Value: noise(RecordBytesMax), Timestamp: 1_206_000_000_123}
		position, err := newProducer(t, connection).Send(t.Context(), message)
		if err != nil {
			t.Fatal(err)
		}
		if record := recordAt(t, connection, position); record.Timestamp <= message.Timestamp || len(record.Value) != RecordBytesMax {
			t.Errorf("stamped %v, %d bytes", record.Timestamp, len(record.Value))
		}
	})
	t.Run("shares partitions among members", func(t *testing.T) { checkMembership(t, connection) })
}

func TestRealRegistryAnswersAsTheEmbeddedOne(t *testing.T) {
	address := RegistryAddress{URL: realkafka.RegistryForTest(t).URL()}
	registry, err := NewRegistry(address, RegistryOptions{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := registry.Register(t.Context(), streams.Topics()); err != nil {
			t.Fatal(err)
		}
	}
	text, id, ok, err := registry.LatestSchema(t.Context(), "ingest.price.v1-value")
	own, _ := registry.ID(streams.IngestPrice)
	if err != nil || !ok || id != own || text == "" {
		t.Errorf("the newest price schema is %d %q, %v, ours is %d", id, text, err, own)
	}
	if _, _, ok, err := registry.LatestSchema(t.Context(), "none-value"); err != nil || ok {
		t.Errorf("a subject that is not there: %v, %v", ok, err)
	}
	_, payload := price()
	_, err = registry.Unframe(t.Context(), streams.IngestPrice, framedBy(4711, string(payload)))
	var refusal *streams.Unreadable
	if !errors.As(err, &refusal) || refusal.Code != CodeUnknownSchema {
		t.Errorf("an unknown id: %v", err)
	}
	foreign, _ := registry.ID(streams.IngestOperator)
	_, err = registry.Unframe(t.Context(), streams.IngestPrice, framedBy(foreign, string(payload)))
	if !errors.As(err, &refusal) || refusal.Code != CodeSchemaIncompatible {
		t.Errorf("the schema of another topic: %v", err)
	}
	if own, err := registry.SchemaByID(t.Context(), own); err != nil || len(own) < len(ingest.PriceSchema)/2 {
		t.Errorf("our schema by its id: %q, %v", own, err)
	}
}

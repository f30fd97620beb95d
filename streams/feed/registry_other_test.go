package feed

import (
	"errors"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/streams"
)

const schemaFiner = `{"type":"record","name":"Order","fields":[{"name":"pot","type":{"type":"bytes","logicalType":"decimal","precision":18,"scale":6}}]}`

const schemaCoarser = `{"type":"record","name":"Order","fields":[{"name":"pot","type":{"type":"bytes","logicalType":"decimal","precision":18,"scale":2}}]}`

// The registry would take it: every registry takes another scale.
func TestASchemaThatMayNotFollowIsNeverRegistered(t *testing.T) {
	registry := newRegistry(t, RegistryOptions{})
	registry.seed(t, "ingest.order.v1-value", schemaCoarser)
	topic := orders()
	topic.Schema = schemaFiner
	err := registry.Register(t.Context(), []streams.Topic{topic})
	for _, part := range []string{"may not follow schema 1 of subject ingest.order.v1-value", "scale changed from 2 to 6", "penstock schemas check"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	if latest, _, _, err := registry.LatestSchema(t.Context(), "ingest.order.v1-value"); err != nil || latest != schemaCoarser {
		t.Errorf("the newest schema is %s, %v", latest, err)
	}
}

// A record names its schema by a number. In a registry that was emptied and filled in another order, that number is another schema's.
func TestARegistryThatGivesOtherIDsIsNotBelieved(t *testing.T) {
	for name, refill := range map[string]func(*testing.T, *registryFixture){
		"emptied": func(*testing.T, *registryFixture) {},
		"filled in another order": func(t *testing.T, r *registryFixture) {
			r.seed(t, "other-value", schemaForein)
			r.seed(t, "ingest.order.v1-value", schemaOlder)
			r.seed(t, "ingest.order.v1-value", schemaOurs)
		},
	} {
		t.Run(name, func(t *testing.T) {
			registry := newRegistry(t, RegistryOptions{})
			registry.register(t)
			registry.fake.Reset()
			refill(t, registry)
			own, _ := registry.ID("ingest.order.v1")
			for id := range uint32(5) {
				payload, err := registry.Unframe(t.Context(), "ingest.order.v1", framedBy(id, "payload"))
				if id == own {
					continue // what we framed ourselves needs no registry
				}
				var refusal *streams.Unreadable
				if err == nil || errors.As(err, &refusal) {
					t.Errorf("schema %d: read as %q, %v", id, payload, err)
				} else if !strings.Contains(err.Error(), "it was emptied, or is another one; bring the former one back") {
					t.Errorf("schema %d: %v", id, err)
				}
			}
		})
	}
}

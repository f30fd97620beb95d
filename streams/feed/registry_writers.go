package feed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

// The codes of values that cannot be read. They are frozen.
const (
	// CodeUndecodable: the value has no frame, or its payload is not of the schema that the frame names.
	CodeUndecodable schemas.Code = "intake/undecodable"
	// CodeUnknownSchema: the registry does not know the schema that the frame names.
	CodeUnknownSchema schemas.Code = "intake/unknown-schema"
	// CodeSchemaIncompatible: the writer's schema cannot be brought to the topic's.
	CodeSchemaIncompatible schemas.Code = "intake/schema-incompatible"
)

const (
	// writersMax bounds the foreign schemas that are remembered, good and bad ones together. Anybody may send any id, so the
	// memory for them has to end somewhere; past it, one that was remembered is dropped.
	writersMax = 1024
	// refusalKept is how long a bad answer is remembered. It spares the registry a question for each record of a broken
	// sender; it is short because the sender's owner may register the schema any moment.
	refusalKept = 10 * time.Second
)

// writerKey names a foreign schema as seen from one of our topics.
type writerKey struct {
	topic string
	id    uint32
}

// writer is what is known of a foreign schema: how to convert from it, or why not.
type writer struct {
	convert func([]byte) ([]byte, error)
	refusal *streams.Unreadable
	// until is when a refusal is forgotten.
	until time.Time
}

type writerCache struct {
	mutex sync.RWMutex
	known map[writerKey]writer
}

func (c *writerCache) get(key writerKey, now time.Time) (writer, bool) {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	found, ok := c.known[key]
	if ok && found.refusal != nil && now.After(found.until) {
		return writer{}, false
	}
	return found, ok
}

func (c *writerCache) put(key writerKey, value writer) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.known == nil {
		c.known = make(map[writerKey]writer)
	}
	if _, known := c.known[key]; !known && len(c.known) >= writersMax {
		c.drop()
	}
	c.known[key] = value
}

// drop forgets one entry: a refusal if there is one, so that a flood of bad ids does not push out what honest senders use.
func (c *writerCache) drop() {
	var victim writerKey
	for key, value := range c.known {
		victim = key
		if value.refusal != nil {
			break
		}
	}
	delete(c.known, victim)
}

// converter returns how to bring payloads of the schema with the given id to the topic's own schema.
func (r *Registry) converter(ctx context.Context, topic string, own *framedTopic, id uint32) (func([]byte) ([]byte, error), error) {
	key := writerKey{topic: topic, id: id}
	known, ok := r.writers.get(key, r.now())
	if !ok {
		var err error
		if known, err = r.meet(ctx, topic, own, id); err != nil {
			return nil, err
		}
		r.writers.put(key, known)
	}
	if known.refusal != nil {
		return nil, known.refusal
	}
	return known.convert, nil
}

// meet asks the registry for a schema not seen before. An error says only that there was no answer.
func (r *Registry) meet(ctx context.Context, topic string, own *framedTopic, id uint32) (writer, error) {
	if err := r.checkSame(ctx, topic, own); err != nil {
		return writer{}, err
	}
	refused := writer{until: r.now().Add(refusalKept)}
	text, err := r.SchemaByID(ctx, id)
	if errors.As(err, &refused.refusal) {
		return refused, nil
	}
	if err != nil {
		return writer{}, fmt.Errorf("asking for schema %d: %w", id, err)
	}
	convert, err := r.resolve(text, own.schema)
	if err != nil {
		refused.refusal = unreadable(CodeSchemaIncompatible, "schema %d does not fit: %v", id, err)
		return refused, nil
	}
	return writer{convert: convert}, nil
}

func unreadable(code schemas.Code, format string, arguments ...any) *streams.Unreadable {
	return &streams.Unreadable{Code: code, Reason: fmt.Sprintf(format, arguments...)}
}

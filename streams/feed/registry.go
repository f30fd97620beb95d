package feed

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/penstock-ledger/penstock/schemas/contract"
	"github.com/penstock-ledger/penstock/streams"
)

// The registry's wire format: a zero byte, the schema id in four bytes (big end first), the Avro payload.
const (
	frameMark   = 0
	frameLength = 5
)

// RegistryOptions are what a Registry needs beside its address.
type RegistryOptions struct {
	// Resolve brings foreign payloads to our schemas; nil is ByContract.
	Resolve Resolve
	// Log is required.
	Log *slog.Logger
	// ReadOnly looks schemas up and never registers one.
	ReadOnly bool
}

// Registry frames values and takes them out of their frames, by a schema registry that may be away for a while. It is a
// streams.Framing, and safe for use by many goroutines.
type Registry struct {
	client  *sr.Client
	resolve Resolve
	log     *slog.Logger
	pace    pace
	now     func() time.Time

	readOnly bool
	// topics is replaced whole by Register, so that Frame and Unframe take no lock for our own schemas.
	topics  atomic.Pointer[map[string]*framedTopic]
	writing sync.Mutex

	writers writerCache
	waits   waits
}

var _ streams.Framing = (*Registry)(nil)

// framedTopic is a topic whose own schema has an id.
type framedTopic struct {
	schema string
	id     uint32
	prefix [frameLength]byte
}

// NewRegistry makes a Registry. It does not connect: Register does.
func NewRegistry(address RegistryAddress, options RegistryOptions) (*Registry, error) {
	client, err := address.client()
	if err != nil {
		return nil, err
	}
	if options.Resolve == nil {
		options.Resolve = ByContract
	}
	r := &Registry{
		client: client, resolve: options.Resolve, log: options.Log, readOnly: options.ReadOnly,
		pace: pace{first: retryDelayFirst, longest: retryDelayMax}, now: time.Now,
	}
	r.topics.Store(&map[string]*framedTopic{})
	return r, nil
}

// Register registers the topics' own schemas, or looks them up where they are registered already, and remembers their ids.
// It waits for a registry that is away until ctx ends. It may be called again with more topics.
func (r *Registry) Register(ctx context.Context, topics []streams.Topic) error {
	found := make(map[string]*framedTopic, len(topics))
	for _, topic := range topics {
		if topic.Schema == "" { // the changelog of a process without states
			continue
		}
		id, err := r.identify(ctx, topic)
		if err != nil {
			return fmt.Errorf("registering the schema of %s: %w", topic.Name, err)
		}
		framed := &framedTopic{schema: topic.Schema, id: id}
		framed.prefix[0] = frameMark
		binary.BigEndian.PutUint32(framed.prefix[1:], id)
		found[topic.Name] = framed
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	for name, framed := range *r.topics.Load() {
		if found[name] == nil {
			found[name] = framed
		}
	}
	r.topics.Store(&found)
	return nil
}

// identify returns the id of the topic's own schema. It asks before it registers, because a production registry often lets
// processes read only.
func (r *Registry) identify(ctx context.Context, topic streams.Topic) (uint32, error) {
	schema := sr.Schema{Schema: topic.Schema, Type: sr.TypeAvro}
	var id int
	err := r.untilAnswered(ctx, func(ctx context.Context) error {
		known, err := r.client.LookupSchema(ctx, topic.Subject(), schema)
		if err == nil {
			id = known.ID
			return nil
		}
		if !isAbsent(err) {
			return err
		}
		if r.readOnly {
			return refusedError{fmt.Errorf("subject %s does not have it; run: penstock schemas register --execute", topic.Subject())}
		}
		if err := r.mayFollow(ctx, topic); err != nil {
			return err
		}
		id, err = r.client.RegisterSchema(ctx, topic.Subject(), schema, -1, -1)
		return err
	})
	if err != nil {
		return 0, err
	}
	return uint32(id), nil //nolint:gosec // ids are positive 32-bit numbers
}

// mayFollow refuses a schema of ours that may not come after the registry's newest of the subject. Registries let pass what alters the meaning of stored
// bytes, such as another scale, so this asks our own rule, and at the only place where schemas are registered.
func (r *Registry) mayFollow(ctx context.Context, topic streams.Topic) error {
	latest, err := r.client.SchemaByVersion(ctx, topic.Subject(), -1)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	problems := contract.Check(latest.Schema.Schema, topic.Schema)
	if len(problems) == 0 {
		return nil
	}
	return refusedError{fmt.Errorf("this binary's schema may not follow schema %d of subject %s: %s; run the binary that the subject is of, and see: penstock schemas check",
		latest.ID, topic.Subject(), problems[0])}
}

// checkSame says whether the registry is still the one that gave our own schema its id. One that was emptied and filled again gives ids anew: what it says
// of an id in an old record would be about another schema.
func (r *Registry) checkSame(ctx context.Context, topic string, own *framedTopic) error {
	subject := streams.Topic{Name: topic}.Subject()
	return r.untilAnswered(ctx, func(ctx context.Context) error {
		known, err := r.client.LookupSchema(ctx, subject, sr.Schema{Schema: own.schema, Type: sr.TypeAvro})
		switch {
		case isAbsent(err):
			return refusedError{fmt.Errorf("the schema registry no longer has the schema of %s, which had the id %d: it was emptied, or is another one; "+
				"bring the former one back", topic, own.id)}
		case err == nil && uint32(known.ID) != own.id: //nolint:gosec // ids are positive 32-bit numbers
			return refusedError{fmt.Errorf("the schema registry gives the schema of %s the id %d, it was %d: it was emptied, or is another one; "+
				"bring the former one back", topic, known.ID, own.id)}
		}
		return err
	})
}

// ID returns the registry's id of the topic's own schema, and false where Register was not told of the topic.
func (r *Registry) ID(topic string) (uint32, bool) {
	framed, ok := (*r.topics.Load())[topic]
	if !ok {
		return 0, false
	}
	return framed.id, true
}

// Frame appends the frame of the topic's own schema to b. It panics for a topic that Register was not told of: nobody else
// could ever read what would be written.
func (r *Registry) Frame(topic string, b []byte) []byte {
	return append(b, r.topic(topic).prefix[:]...)
}

// Unframe returns the payload in the topic's own schema. A payload of our own schema is not copied and not checked. It
// waits for a registry that is away until ctx ends. It panics for a topic that Register was not told of.
func (r *Registry) Unframe(ctx context.Context, topic string, framed []byte) ([]byte, error) {
	own := r.topic(topic)
	id, err := FrameID(framed)
	if err != nil {
		return nil, err
	}
	payload := framed[frameLength:]
	if id == own.id {
		return payload, nil
	}
	convert, err := r.converter(ctx, topic, own, id)
	if err != nil {
		return nil, err
	}
	converted, err := convert(payload)
	if err != nil {
		return nil, unreadable(CodeUndecodable, "the payload is not of schema %d: %v", id, err)
	}
	return converted, nil
}

func (r *Registry) topic(name string) *framedTopic {
	framed, ok := (*r.topics.Load())[name]
	if !ok {
		panic("feed: the schema of topic " + name + " was never registered")
	}
	return framed
}

// FrameID returns the schema id of a framed value, or a *streams.Unreadable where the value has no frame.
func FrameID(framed []byte) (uint32, error) {
	if len(framed) < frameLength {
		return 0, unreadable(CodeUndecodable, "%d bytes are too few for the registry's wire format", len(framed))
	}
	if framed[0] != frameMark {
		return 0, unreadable(CodeUndecodable, "the first byte is %d, the registry's wire format begins with 0", framed[0])
	}
	return binary.BigEndian.Uint32(framed[1:]), nil
}

// SchemaByID returns the text of the Avro schema with the given id. An id that the registry does not know, and a schema that is
// not plain Avro, is a *streams.Unreadable. It waits for a registry that is away until ctx ends.
func (r *Registry) SchemaByID(ctx context.Context, id uint32) (string, error) {
	var text string
	err := r.untilAnswered(ctx, func(ctx context.Context) error {
		schema, err := r.client.SchemaByID(ctx, int(id))
		switch {
		case err == nil && schema.Type != sr.TypeAvro:
			return unreadable(CodeSchemaIncompatible, "schema %d is %s, not Avro", id, schema.Type)
		case err == nil && len(schema.References) > 0:
			return unreadable(CodeSchemaIncompatible, "schema %d refers to other schemas; send one that holds all its types", id)
		case isAbsent(err):
			return unreadable(CodeUnknownSchema, "the registry has no schema %d", id)
		}
		text = schema.Schema
		return err
	})
	return text, err
}

// LatestSchema returns the newest schema of a subject and its id; false says that the subject has none. It waits for a
// registry that is away until ctx ends.
func (r *Registry) LatestSchema(ctx context.Context, subject string) (text string, id uint32, ok bool, err error) {
	err = r.untilAnswered(ctx, func(ctx context.Context) error {
		latest, err := r.client.SchemaByVersion(ctx, subject, -1)
		if isAbsent(err) {
			return nil
		}
		text, id, ok = latest.Schema.Schema, uint32(latest.ID), err == nil //nolint:gosec // ids are positive 32-bit numbers
		return err
	})
	if err != nil {
		return "", 0, false, fmt.Errorf("asking for the newest schema of %s: %w", subject, err)
	}
	return text, id, ok, nil
}

// isAbsent says that the registry itself answered that it has no such subject, version or schema. A bare 404, as a proxy
// gives while the registry behind it is away, must not make a member's instruction be refused for good.
func isAbsent(err error) bool {
	var answer *sr.ResponseError
	return errors.As(err, &answer) && sr.IsNotFoundError(answer.ErrorCode)
}

package streams

import (
	"context"
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
)

// Record is one record of an inbox, its value taken out of the registry's framing and brought to the reader's schema.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       string
	// Value is the Avro payload; the handler must not change or keep it.
	Value []byte
	// Timestamp is the broker's or the producer's, as the topic says.
	Timestamp schemas.Instant
	// Size is the length of the value as it lay on the topic, in bytes, and Digest its SHA-256 where the process asked for it.
	Size   int
	Digest [32]byte
	// Unreadable says why Value could not be had (nil: it could). Only a process that declares ReadsAnything is
	// ever handed such a record; for all others it stops the shard.
	Unreadable *Unreadable
}

// Unreadable says why a record's bytes are not a value of its topic. It is the sender's mistake and will not mend.
type Unreadable struct {
	Code   schemas.Code
	Reason string
}

func (u *Unreadable) Error() string { return fmt.Sprintf("%s: %s", u.Code, u.Reason) }

// Framing puts values into the registry's wire format and takes them out again.
type Framing interface {
	// Frame appends the wire format's prefix for the topic's own schema to b; the payload follows it.
	Frame(topic string, b []byte) []byte
	// Unframe returns the payload of a framed value in the schema that we know for the topic. An *Unreadable says that this will
	// never work; any other error (registry away, context done) that it did not work now. It waits for the registry.
	Unframe(ctx context.Context, topic string, framed []byte) ([]byte, error)
}

// Process declares one processor: a goka group with one inbox.
type Process struct {
	// Name is the group's name. Topics, states and transactional ids carry it: it is frozen.
	Name string
	// Inbox is the one topic that the process reads.
	Inbox Topic
	// Outputs are the topics that it may write.
	Outputs []Topic
	// Table is the changelog of its states. A process without states still has one, for its progress.
	Table Topic
	// ParkedTo is the topic on which it is told what is parked. A process without one does not park: a decision that fails stops its shard.
	ParkedTo Topic
	// TagsVersion changes whenever Handler.Tags does; an index that was built by another version is built again.
	TagsVersion string
	// Rules is the version of the rules; a shard in mid-sweep is refused to a binary with other rules or tags.
	Rules string
	// ReadsAnything hands the handler unreadable records too, instead of stopping the shard.
	ReadsAnything bool
	// NewHandler makes the handler of one shard.
	NewHandler func(Framing) Handler
}

// Handler is what a process does, as the engine drives it: bytes in, bytes out. The engine calls Route from one goroutine
// and everything else from another; Route must therefore not touch what the others change. States, reference and tally
// that are passed in or returned are framed values of the table topic or opaque bytes, as the handler likes; nil means none.
//
// A returned error, or a panic, drops the open transaction: it means that a promise of our own is broken. One of Decide then parks the key, where the
// process parks; any other stops the shard. A refusal of somebody's request is a record, not an error.
type Handler interface {
	// Restore sets the shard-level memory to what was last committed. It is called before the first record and after every
	// dropped transaction. The tally is nil unless the shard is in mid-sweep.
	Restore(reference, tally []byte) error
	// Route says what a record of the inbox concerns. An error stops the shard.
	Route(record *Record) (Route, error)
	// Decide handles a keyed record, or one visit of a sweep, for one key. The state is not to be changed, nor is the one that is returned: both may be asked for again.
	Decide(scope *Scope, route *Route, key string, state []byte) (Change, error)
	// Close ends a control record after its last visit (Scope.SetAside tells of those that could not be made) and returns the new reference state, or nil where it is unchanged.
	Close(scope *Scope, route *Route) (reference []byte, err error)
	// Dropped tells the outside that a record of a parked key, which route is of, was dropped undecided at an operator's word. The state is the key's;
	// it is only looked at, for it may say that the record was a copy of one that was answered before.
	Dropped(scope *Scope, route *Route, state []byte) error
	// Tally returns what the visits of the sweep under way have added up so far. It is bounded, and stored at the end of each
	// of the sweep's transactions but the last.
	Tally() []byte
	// Tags returns the tags of a state, for building an index again.
	Tags(state []byte) ([]string, error)
}

// Route says what a record concerns: one key, or, as a control record, the whole shard.
type Route struct {
	// Key is the key whose state the record concerns; for a control record it is empty.
	Key string
	// Control marks a record for the shard: it visits every key that bears one of Tags, each once and in key order, and is
	// then closed. Without tags there is no visit, only the close.
	Control bool
	Tags    []string
	// Unpark, where it is set, is an operator's word on the parked key Key. The engine acts on it; Decide is not called.
	Unpark *Unpark
	// ReceivedAt is the receipt time of the record's cause.
	ReceivedAt schemas.Instant
	// Message is the record's value, decoded; the engine passes it on untouched.
	Message any
	// Record is where it stood.
	Record *Record
}

// Unpark is what an operator wants done with a parked key.
type Unpark struct {
	// Drop removes the one record at Offset of the inbox from the key's queue, undecided. Without it the whole queue is released: decided, in order.
	Drop   bool
	Offset int64
	// Operator and Reason are told in the history of the key.
	Operator schemas.SourceID
	Reason   string
}

// SetAside names a key that a sweep could not visit, because it is parked, under one of the sweep's tags.
type SetAside struct{ Tag, Key string }

// Change is what a decision makes of a state.
type Change struct {
	// State is the new state, or nil where it is unchanged.
	State []byte
	// Deleted forgets the key altogether.
	Deleted bool
	// TagsBefore and TagsAfter are the tags of the old and the new state, given only where they differ.
	TagsBefore, TagsAfter []string
}

// Chain is the place of a shard's journals in their order: the number of the last one and the hash that covers all so far.
type Chain struct {
	Sequence int64
	Head     [32]byte
}

// Scope is what a decision may know of its place, and where its outputs go.
type Scope struct {
	// Shard is the shard that decides, of Shards in all.
	Shard, Shards int32
	// RecordedAt is the recorded time: it never runs backwards, and is the same in a replay.
	RecordedAt schemas.Instant
	// Chain is the shard's chain; a handler that writes journals moves it on.
	Chain *Chain
	// SetAside is given to Close: the keys that this sweep could not visit, by tag and key, a key once for each of the sweep's tags that it bears.
	// The same control record is swept again, whole, when such a key is released.
	SetAside []SetAside
	// Released says that the record was parked, and is decided now because an operator released it: later than its place in the inbox. A keyed
	// record may find that time has passed it by; a control record is swept again, and its Close does only what it could not do before.
	Released bool
	// Emit writes a record to one of the process's outputs; the key decides the partition (PartitionOf). The value must not be
	// changed afterwards.
	Emit func(topic, key string, value []byte)
}

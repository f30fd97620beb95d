package streams

// Width says how many partitions a topic has, in terms of what is chosen once for the whole system.
type Width uint8

// The widths.
const (
	// WidthShards: as many partitions as the pot processor has shards.
	WidthShards Width = iota
	// WidthOne: one partition, for what needs one total order.
	WidthOne
)

// Partitions returns the number of partitions of this width in a system of the given number of shards.
func (w Width) Partitions(shards int32) int32 {
	if w == WidthOne {
		return 1
	}
	return shards
}

// Cleanup is what the broker may remove from a topic.
type Cleanup uint8

// The clean-up policies. Retention is always infinite; ageing out is a decision of operators, never of a default.
const (
	// CleanupNever keeps every record.
	CleanupNever Cleanup = iota
	// CleanupCompact keeps the last record of each key; changelogs use it.
	CleanupCompact
)

// Topic declares one Kafka topic. Its name and schema are a frozen contract.
type Topic struct {
	Name    string
	Width   Width
	Cleanup Cleanup
	// Stamped topics take the broker's clock as the timestamp of their records (LogAppendTime).
	Stamped bool
	// RecordBytesMax bounds one record's value.
	RecordBytesMax int
	// Schema is the Avro schema of the values, registered under the subject Name + "-value".
	Schema string
	// Key says what the records are keyed by, for the reader of the catalogue.
	Key string
	// About says in a sentence what the topic carries.
	About string
}

// Subject returns the registry subject of the topic's values (TopicNameStrategy).
func (t Topic) Subject() string { return t.Name + "-value" }

// Changelog returns the changelog topic of the named process, with the schema of its states.
func Changelog(process string, width Width, stateSchema string) Topic {
	return Topic{
		Name: process + "-table", Width: width, Cleanup: CleanupCompact, RecordBytesMax: 1 << 20, Schema: stateSchema,
		Key: "as in the inbox; keys that begin with ! are the engine's own", About: "the states of process " + process,
	}
}

package feed

import (
	"strconv"
	"time"

	"github.com/penstock-ledger/penstock/streams"
)

const (
	// BatchBytesMax is max.message.bytes of every topic, and what every producer of ours may put into one batch. It is one
	// number because one producer writes to many topics: a batch that fits one must fit all. It leaves room for a record of 1 MiB and
	// its framing, and ordinary clients with their default batch of up to 1 MB.
	BatchBytesMax = 1<<20 + recordOverheadMax
	// recordOverheadMax bounds what key, headers and batch header add to a value.
	recordOverheadMax = 1 << 16
	// RecordBytesMax is the largest value that any topic may declare.
	RecordBytesMax = BatchBytesMax - recordOverheadMax

	// TombstonesKept is how long a deletion stays in a changelog. A store that was away for longer may have missed one
	// and must be discarded.
	TombstonesKept = 30 * 24 * time.Hour

	// changelogSegment is the age at which a changelog's active segment is closed: only closed ones are compacted.
	changelogSegment = 24 * time.Hour
)

// The names of topic settings, as brokers know them.
const (
	settingCleanup         = "cleanup.policy"
	settingRetentionTime   = "retention.ms"
	settingRetentionBytes  = "retention.bytes"
	settingMinInSync       = "min.insync.replicas"
	settingUnclean         = "unclean.leader.election.enable"
	settingTimestamp       = "message.timestamp.type"
	settingMessageBytes    = "max.message.bytes"
	settingTombstones      = "delete.retention.ms"
	settingDirtyRatio      = "min.cleanable.dirty.ratio"
	settingSegmentAge      = "segment.ms"
	settingPartitions      = "partitions"
	settingReplication     = "replication factor"
	settingExistence       = "existence"
	settingTransactions    = "transaction.version"
	valueForever           = "-1"
	valueStampedByBroker   = "LogAppendTime"
	valueStampedByProducer = "CreateTime"
)

// Setting is one topic setting with its value, as brokers write them.
type Setting struct{ Name, Value string }

// Settings returns every setting that the topic is created with, and that is verified at each start. None is left to a
// broker's default: defaults differ between clusters, and change.
func (l Layout) Settings(topic streams.Topic) []Setting {
	stamp := valueStampedByProducer
	if topic.Stamped && l.Stamping {
		stamp = valueStampedByBroker
	}
	cleanup := "delete"
	if topic.Cleanup == streams.CleanupCompact {
		cleanup = "compact"
	}
	settings := []Setting{
		{settingCleanup, cleanup},
		{settingRetentionTime, valueForever},
		{settingRetentionBytes, valueForever},
		{settingMinInSync, strconv.Itoa(int(l.MinInSync))},
		{settingUnclean, "false"},
		{settingTimestamp, stamp},
		{settingMessageBytes, strconv.Itoa(BatchBytesMax)},
	}
	if topic.Cleanup == streams.CleanupCompact {
		settings = append(settings,
			Setting{settingTombstones, milliseconds(TombstonesKept)},
			Setting{settingDirtyRatio, "0.2"},
			Setting{settingSegmentAge, milliseconds(changelogSegment)})
	}
	return settings
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Where things stand in a record batch of format 2. The checksum covers
// everything after itself.
const (
	batchAtCRC        = 17
	batchAtAttributes = 21
	batchAtFirstTime  = 27
	batchAtMaxTime    = 35
	batchAtCount      = 57
	batchHeaderBytes  = 61
	batchAtLength     = 8
	batchLengthFrom   = 12 // the length counts the bytes after itself

	attributeCodecMask     = 0x07
	attributeLogAppendTime = 0x08

	// restampTopicsMax bounds what is remembered of topic ids. A topic made anew
	// gets a new id, so the map could otherwise grow for ever.
	restampTopicsMax = 10_000
)

var errBatchMalformed = errors.New("malformed record batch")

// restamper gives the records of chosen topics the broker's own time. The
// broker knows of message.timestamp.type=LogAppendTime but does not do it: it keeps the
// producer's time, which nobody may trust for deciding a dealing day.
type restamper struct {
	cluster    *kfake.Cluster
	chosen     func(topic string) bool
	chosenByID map[[16]byte]bool
	now        func() time.Time
	plain      kgo.Decompressor
}

func newRestamper(cluster *kfake.Cluster, chosen func(string) bool, now func() time.Time) *restamper {
	if now == nil {
		now = time.Now
	}
	return &restamper{
		cluster:    cluster,
		chosen:     chosen,
		chosenByID: map[[16]byte]bool{},
		now:        now,
		plain:      kgo.DefaultDecompressor(),
	}
}

// install puts the restamper in front of every produce request. The broker runs
// such functions one at a time, so the restamper needs no lock.
func (r *restamper) install() {
	r.cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		r.cluster.KeepControl()
		if produce, ok := request.(*kmsg.ProduceRequest); ok {
			r.produce(produce)
		}
		return nil, nil, false
	})
}

func (r *restamper) produce(request *kmsg.ProduceRequest) {
	for i := range request.Topics {
		topic := &request.Topics[i]
		if !r.isChosen(topic) {
			continue
		}
		for j := range topic.Partitions {
			partition := &topic.Partitions[j]
			stamped, err := r.restamp(partition.Records, r.now().UnixMilli())
			if err != nil {
				// Without a timestamp of ours the batch must not get in. The broker
				// refuses it, and it alone, if its checksum is wrong.
				stamped = spoilChecksum(partition.Records)
			}
			partition.Records = stamped
		}
	}
}

// isChosen knows the topic by name, or by id from version 13 of the request on.
func (r *restamper) isChosen(topic *kmsg.ProduceRequestTopic) bool {
	if topic.Topic != "" {
		return r.chosen(topic.Topic)
	}
	if chosen, ok := r.chosenByID[topic.TopicID]; ok {
		return chosen
	}
	info := r.cluster.TopicIDInfo(topic.TopicID)
	if info == nil {
		return false // the broker will say that there is no such topic
	}
	if len(r.chosenByID) >= restampTopicsMax {
		clear(r.chosenByID)
	}
	chosen := r.chosen(info.Topic)
	r.chosenByID[topic.TopicID] = chosen
	return chosen
}

// restamp returns the batch with every record at nowMillis. A batch that is not
// whole comes back as it is, for the broker to refuse: giving it a new checksum
// would hide the damage.
//
// A record's time is the batch's first timestamp plus the record's own delta, so
// the deltas have to go too; else a producer could still date a record as it likes.
func (r *restamper) restamp(batch []byte, nowMillis int64) ([]byte, error) {
	if len(batch) < batchHeaderBytes || checksum(batch) != binary.BigEndian.Uint32(batch[batchAtCRC:]) {
		return batch, nil
	}
	attributes := binary.BigEndian.Uint16(batch[batchAtAttributes:])
	codec := kgo.CompressionCodecType(attributes & attributeCodecMask)
	records, err := r.plain.Decompress(batch[batchHeaderBytes:], codec)
	if err != nil || codec > kgo.CodecZstd {
		return nil, fmt.Errorf("decompressing a produced batch: %w", errors.Join(errBatchMalformed, err))
	}
	even, err := zeroDeltas(records, int(int32(binary.BigEndian.Uint32(batch[batchAtCount:]))))
	if err != nil {
		return nil, err
	}
	stamped := slices.Clone(batch)
	if even != nil {
		if even, err = compress(even, codec); err != nil {
			return nil, err
		}
		stamped = append(stamped[:batchHeaderBytes], even...)
		binary.BigEndian.PutUint32(stamped[batchAtLength:], uint32(len(stamped)-batchLengthFrom))
	}
	// Were the LogAppendTime bit set, the broker would stamp the batch once more
	// and leave it with a wrong checksum.
	binary.BigEndian.PutUint16(stamped[batchAtAttributes:], attributes&^attributeLogAppendTime)
	binary.BigEndian.PutUint64(stamped[batchAtFirstTime:], uint64(nowMillis))
	binary.BigEndian.PutUint64(stamped[batchAtMaxTime:], uint64(nowMillis))
	binary.BigEndian.PutUint32(stamped[batchAtCRC:], checksum(stamped))
	return stamped, nil
}

// zeroDeltas rewrites records so that each has a timestamp delta of 0. It
// returns nil if that is so already, which is the usual case of one record, or of
// several in the same millisecond.
func zeroDeltas(records []byte, count int) ([]byte, error) {
	var rewritten []byte
	changed := false
	rest := records
	for range count {
		length, n := binary.Varint(rest)
		if n <= 0 || length < 2 || length > int64(len(rest)-n) {
			return nil, errBatchMalformed
		}
		body := rest[n : n+int(length)] // attributes (1 byte), delta, the rest
		rest = rest[n+int(length):]
		delta, deltaBytes := binary.Varint(body[1:])
		if deltaBytes <= 0 {
			return nil, errBatchMalformed
		}
		changed = changed || delta != 0
		rewritten = binary.AppendVarint(rewritten, length-int64(deltaBytes)+1)
		rewritten = append(rewritten, body[0], 0)
		rewritten = append(rewritten, body[1+deltaBytes:]...)
	}
	if len(rest) != 0 {
		return nil, errBatchMalformed
	}
	if !changed {
		return nil, nil
	}
	return rewritten, nil
}

func compress(records []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	var option kgo.CompressionCodec
	switch codec {
	case kgo.CodecNone:
		return records, nil
	case kgo.CodecGzip:
		option = kgo.GzipCompression()
	case kgo.CodecSnappy:
		option = kgo.SnappyCompression()
	case kgo.CodecLz4:
		option = kgo.Lz4Compression()
	case kgo.CodecZstd:
		option = kgo.ZstdCompression()
	default:
		return nil, errBatchMalformed
	}
	compressor, err := kgo.DefaultCompressor(option)
	if err != nil {
		return nil, fmt.Errorf("compressing a produced batch: %w", err)
	}
	compressed, used := compressor.Compress(new(bytes.Buffer), records)
	if used != codec {
		return nil, fmt.Errorf("compressing a produced batch: codec %d became %d", codec, used)
	}
	return compressed, nil
}

func checksum(batch []byte) uint32 {
	return crc32.Checksum(batch[batchAtAttributes:], crc32.MakeTable(crc32.Castagnoli))
}

func spoilChecksum(batch []byte) []byte {
	if len(batch) < batchHeaderBytes {
		return batch
	}
	spoiled := slices.Clone(batch)
	spoiled[batchAtCRC] ^= 0xff
	return spoiled
}

package embedded

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Old producers name the topic, new ones give its id; a batch may be compressed;
// and the records of one batch may claim any times. All get the broker's.
func chosenTopicsGetTheBrokersTime(t *testing.T, config Config) {
	config.RestampTopics = func(topic string) bool { return strings.HasPrefix(topic, "ingest.") }
	stack := start(t, config)
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	for name, codec := range codecs {
		for _, produceVersion := range []int16{12, 13} {
			t.Run(fmt.Sprintf("%s/version %d", name, produceVersion), func(t *testing.T) {
				versions := kversion.Stable()
				versions.SetMaxKeyVersion(int16(kmsg.Produce), produceVersion)
				checkStamps(t, look(stack), fmt.Sprintf("ingest.%s.%d", name, produceVersion), true,
					kgo.ProducerBatchCompression(codec), kgo.MaxVersions(versions))
			})
		}
	}
	t.Run("another topic", func(t *testing.T) { checkStamps(t, look(stack), "other", false) })
}

// checkStamps produces one batch of records from several decades and reads them back.
func checkStamps(t *testing.T, at seen, topic string, restamped bool, options ...kgo.Opt) {
	t.Helper()
	ctx := deadline(t)
	client := newClient(t, at, append(options, kgo.ConsumeTopics(topic), kgo.ProducerLinger(50*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.UnknownTopicRetries(-1))...)
	defer client.Close()
	_, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, nil, topic)
	must(t, err)
	var records []*kgo.Record
	for _, year := range []int{2008, 1990, 2030} {
		records = append(records, &kgo.Record{
			Topic:     topic,
			Key:       []byte("key"),
			Value:     []byte(strings.Repeat(fmt.Sprint(year), 100)),
			Headers:   []kgo.RecordHeader{{Key: "year", Value: fmt.Append(nil, year)}},
			Timestamp: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC),
		})
	}
	before := time.Now().Truncate(time.Millisecond)
	must(t, client.ProduceSync(ctx, slices.Clone(records)...).FirstErr())
	after := time.Now()
	for i, got := range poll(ctx, t, client, len(records)) {
		want := records[i]
		if string(got.Value) != string(want.Value) || string(got.Key) != string(want.Key) || string(got.Headers[0].Value) != string(want.Headers[0].Value) {
			t.Errorf("record %d changed: %s", i, got.Value)
		}
		year := time.Date(want.Timestamp.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
		switch {
		case restamped && (got.Timestamp.Before(before) || got.Timestamp.After(after)):
			t.Errorf("record %d: got time %v, want one between %v and %v", i, got.Timestamp, before, after)
		case !restamped && !got.Timestamp.Equal(year):
			t.Errorf("record %d: got time %v, want %v", i, got.Timestamp, year)
		}
	}
}

func poll(ctx context.Context, t *testing.T, client *kgo.Client, count int) []*kgo.Record {
	t.Helper()
	var records []*kgo.Record
	for len(records) < count {
		fetches := client.PollFetches(ctx)
		must(t, fetches.Err())
		records = append(records, fetches.Records()...)
	}
	return records
}

func TestADamagedBatchIsNotGivenAGoodChecksum(t *testing.T) {
	stamper := newRestamper(nil, nil, nil)
	batch := sampleBatch()
	good, err := stamper.restamp(batch, 1000)
	must(t, err)
	if first := int64(binary.BigEndian.Uint64(good[batchAtFirstTime:])); first != 1000 {
		t.Fatalf("the sample itself: got first timestamp %d, want 1000", first)
	}
	for at := batchAtCRC; at < len(batch); at++ {
		damaged := slices.Clone(batch)
		damaged[at] ^= 1
		got, err := stamper.restamp(damaged, 1000)
		must(t, err)
		if !slices.Equal(got, damaged) {
			t.Errorf("damage at byte %d was covered up", at)
		}
	}
}

// Records that can't be read can't be dated, and must not get in.
func TestUnreadableRecordsAreRefused(t *testing.T) {
	stamper := newRestamper(nil, nil, nil)
	for name, change := range map[string]func(batch []byte) []byte{
		"too few records":   func(b []byte) []byte { binary.BigEndian.PutUint32(b[batchAtCount:], 1); return b },
		"too many records":  func(b []byte) []byte { binary.BigEndian.PutUint32(b[batchAtCount:], 3); return b },
		"a negative count":  func(b []byte) []byte { binary.BigEndian.PutUint32(b[batchAtCount:], 1<<31); return b },
		"an unknown codec":  func(b []byte) []byte { b[batchAtAttributes+1] |= 7; return b },
		"not compressed":    func(b []byte) []byte { b[batchAtAttributes+1] |= 4; return b },
		"a cut-off record":  func(b []byte) []byte { return b[:len(b)-1] },
		"an endless length": func(b []byte) []byte { b[batchHeaderBytes] = 0xff; return b },
	} {
		if _, err := stamper.restamp(withChecksum(change(sampleBatch())), 1000); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// FuzzRestamp looks for a batch that makes the broker panic or that comes out
// with other records than it had.
func FuzzRestamp(f *testing.F) {
	f.Add(sampleBatch()[batchHeaderBytes:], uint16(0), uint32(2))
	stamper := newRestamper(nil, nil, nil)
	f.Fuzz(func(t *testing.T, records []byte, attributes uint16, count uint32) {
		batch := append(make([]byte, batchHeaderBytes), records...)
		binary.BigEndian.PutUint16(batch[batchAtAttributes:], attributes)
		binary.BigEndian.PutUint32(batch[batchAtCount:], count)
		stamped, err := stamper.restamp(withChecksum(batch), 1000)
		if err != nil {
			return
		}
		again, err := stamper.restamp(stamped, 1000)
		if err != nil || !slices.Equal(again, stamped) {
			t.Fatalf("stamping twice changes the batch: %v", err)
		}
	})
}

// sampleBatch has two records, a second apart.
func sampleBatch() []byte {
	batch := make([]byte, batchHeaderBytes)
	batch[16] = 2
	binary.BigEndian.PutUint64(batch[batchAtFirstTime:], 5)
	binary.BigEndian.PutUint32(batch[batchAtCount:], 2)
	for i := range int64(2) {
		body := binary.AppendVarint([]byte{0}, i*1000) // attributes, time
		body = binary.AppendVarint(body, i)            // offset
		body = append(body, 1, 2, 'v', 0)              // no key, a value of one byte, no headers
		batch = append(binary.AppendVarint(batch, int64(len(body))), body...)
	}
	return withChecksum(batch)
}

func withChecksum(batch []byte) []byte {
	binary.BigEndian.PutUint32(batch[batchAtLength:], uint32(len(batch)-batchLengthFrom))
	binary.BigEndian.PutUint32(batch[batchAtCRC:], checksum(batch))
	return batch
}

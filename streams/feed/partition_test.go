package feed

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/streams"
)

// The values that Apache Kafka's own tests of its Java client expect of murmur2, before the sign bit is cleared.
func TestHashIsTheOneOfTheJavaClient(t *testing.T) {
	for key, signed := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	} {
		if got, want := streams.Hash(key), uint32(signed)&0x7fffffff; got != want {
			t.Errorf("%q hashes to %d, want %d", key, got, want)
		}
	}
}

func TestKeysGoWhereOrdinaryClientsSendThem(t *testing.T) {
	ordinary := kgo.StickyKeyPartitioner(nil).ForTopic("any")
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 1, 80).Draw(t, "key")
		partitions := rapid.Int32Range(1, 64).Draw(t, "partitions")
		if key[0] == streams.ControlMark {
			t.Skip("control keys go to their shard")
		}
		want := ordinary.Partition(&kgo.Record{Key: key}, int(partitions))
		if got := streams.PartitionOf(key, partitions); int(got) != want {
			t.Errorf("%q of %d goes to %d, an ordinary client sends it to %d", key, partitions, got, want)
		}
	})
}

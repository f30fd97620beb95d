package streams

import "encoding/binary"

// ControlMark is the first byte of the keys that the pipeline keeps for itself. No client may send such a key.
const ControlMark = '!'

// ControlKey returns the key of a control or reference record for the given shard, such as "!7".
func ControlKey(shard int32) string {
	if shard < 0 {
		panic("streams: negative shard")
	}
	var digits [11]byte
	i := len(digits)
	for {
		i--
		digits[i] = byte('0' + shard%10)
		shard /= 10
		if shard == 0 {
			break
		}
	}
	i--
	digits[i] = ControlMark
	return string(digits[i:])
}

// PartitionOf returns the partition, of the given number of them, to which a key belongs. A key that ControlKey made goes
// to its shard; every other key goes where the default partitioners of Java and franz-go send it (murmur2).
// librdkafka's default differs, which is why intake keys everything anew.
func PartitionOf[K string | []byte](key K, partitions int32) int32 {
	if shard, ok := controlShard(key); ok {
		return shard % partitions
	}
	return int32(Hash(key) % uint32(partitions)) //nolint:gosec // partitions is positive, the hash has 31 bits
}

func controlShard[K string | []byte](key K) (int32, bool) {
	if len(key) < 2 || len(key) > 10 || key[0] != ControlMark {
		return 0, false
	}
	shard := int32(0)
	for i := 1; i < len(key); i++ {
		if key[i] < '0' || key[i] > '9' {
			return 0, false
		}
		shard = shard*10 + int32(key[i]-'0')
	}
	return shard, true
}

// Hash is Kafka's murmur2 of a key with the sign bit cleared, as Kafka's default partitioner uses it.
func Hash[K string | []byte](key K) uint32 {
	const (
		seed  = 0x9747b28c
		mul   = 0x5bd1e995
		shift = 24
	)
	h := uint32(seed) ^ uint32(len(key)) //nolint:gosec // keys are short
	data := []byte(key)
	for len(data) >= 4 {
		k := binary.LittleEndian.Uint32(data) * mul
		k = (k ^ k>>shift) * mul
		h = h*mul ^ k
		data = data[4:]
	}
	for i := len(data) - 1; i >= 0; i-- {
		h ^= uint32(data[i]) << (8 * i)
		if i == 0 {
			h *= mul
		}
	}
	h = (h ^ h>>13) * mul
	h ^= h >> 15
	return h & 0x7fffffff
}

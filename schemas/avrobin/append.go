package avrobin

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// PrecisionMax is the largest precision of a decimal that always fits an int64 of quanta.
const PrecisionMax = 18

// uuidLength is the length of a UUID's canonical text.
const uuidLength = 36

// AppendBool appends a boolean.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendLong appends an int or a long, which have the same encoding (zigzag, seven bits a byte).
func AppendLong(b []byte, v int64) []byte {
	return binary.AppendVarint(b, v)
}

// AppendIndex appends the index of an enum's symbol or of a union's branch. It is not negative.
func AppendIndex(b []byte, index int) []byte {
	if index < 64 {
		return append(b, byte(index<<1))
	}
	return binary.AppendVarint(b, int64(index))
}

// AppendString appends a string, which the caller keeps in valid UTF-8.
func AppendString(b []byte, s string) []byte {
	b = AppendIndex(b, len(s))
	return append(b, s...)
}

// AppendBytes appends a length and the bytes.
func AppendBytes(b, v []byte) []byte {
	b = AppendIndex(b, len(v))
	return append(b, v...)
}

// AppendDecimal appends a count of quanta as the fewest two's-complement bytes, as Java's BigInteger does. It
// panics when v has more digits than the precision: the reader would refuse it, or worse, would not.
func AppendDecimal(b []byte, v int64, precision int) []byte {
	if !fits(v, precision) {
		panic("avrobin: " + strconv.FormatInt(v, 10) + " has more than " + strconv.Itoa(precision) + " digits")
	}
	// ^v of a negative number has as many significant bits as v; one more holds the sign.
	n := (bits.Len64(uint64(v^(v>>63))) + 8) / 8
	var word [8]byte
	binary.BigEndian.PutUint64(word[:], uint64(v))
	b = append(b, byte(n<<1))
	return append(b, word[8-n:]...)
}

// AppendUUID appends the canonical text of a UUID in lower case.
func AppendUUID(b []byte, id [16]byte) []byte {
	const digits = "0123456789abcdef"
	var text [1 + uuidLength]byte
	text[0] = uuidLength << 1
	at := 1
	for i, v := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text[at] = '-'
			at++
		}
		text[at], text[at+1] = digits[v>>4], digits[v&15]
		at += 2
	}
	return append(b, text[:]...)
}

// AppendBlock opens an array of n items, which the caller appends next, before EndBlocks. An array without items
// has no block.
func AppendBlock(b []byte, n int) []byte {
	if n == 0 {
		return b
	}
	return AppendIndex(b, n)
}

// EndBlocks closes an array.
func EndBlocks(b []byte) []byte {
	return append(b, 0)
}

// fits reports whether |v| < 10^precision.
func fits(v int64, precision int) bool {
	bound := powers[precision]
	return -bound < v && v < bound
}

// powers are the powers of ten that an int64 holds.
var powers = [PrecisionMax + 1]int64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
}

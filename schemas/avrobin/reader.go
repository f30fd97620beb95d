package avrobin

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// Reader reads values from a slice, which it neither changes nor keeps parts of. The first error sticks: from then
// on every read gives a zero value. The zero Reader is empty; Reset gives it an input.
//
// The strings of one input share one copy of it, made at the first of them: a record is mostly short strings, and an
// allocation for each would be most of the work. Who keeps a single string of a large record for long should clone it.
type Reader struct {
	buf  []byte
	off  int
	text string // the whole input, once a string was read
	err  error
}

// NewReader returns a Reader of b.
func NewReader(b []byte) *Reader {
	return &Reader{buf: b}
}

// Reset makes r read b from its first byte and forgets any error.
func (r *Reader) Reset(b []byte) {
	*r = Reader{buf: b}
}

// Err returns the first error, as *Error, or nil.
func (r *Reader) Err() error { return r.err }

// Done returns the first error, or ErrTrailing when bytes are left.
func (r *Reader) Done() error {
	if r.err == nil && r.off < len(r.buf) {
		r.fail(ErrTrailing)
	}
	return r.err
}

// fail keeps the first error and takes the input away, so that later reads fail without asking for it each time.
func (r *Reader) fail(kind error) {
	if r.err == nil {
		r.err = &Error{Kind: kind, Offset: r.off}
	}
	r.buf, r.off, r.text = nil, 0, ""
}

// Bool reads a boolean.
func (r *Reader) Bool() bool {
	if r.off >= len(r.buf) {
		r.fail(ErrShort)
		return false
	}
	v := r.buf[r.off]
	if v > 1 {
		r.fail(ErrBool)
		return false
	}
	r.off++
	return v == 1
}

// Long reads a long.
func (r *Reader) Long() int64 {
	// Most integers are lengths, indexes and small counts of one byte.
	if r.off < len(r.buf) && r.buf[r.off] < 0x80 {
		c := r.buf[r.off]
		r.off++
		return int64(c>>1) ^ -int64(c&1)
	}
	return r.longer()
}

// longer reads a long of two bytes or more.
func (r *Reader) longer() int64 {
	v, n := binary.Varint(r.buf[r.off:])
	switch {
	case n == 0:
		r.fail(ErrShort)
		return 0
	case n < 0:
		r.fail(ErrVarint)
		return 0
	}
	r.off += n
	return v
}

// Int reads an int.
func (r *Reader) Int() int32 {
	v := r.Long()
	if v < math.MinInt32 || v > math.MaxInt32 {
		r.fail(ErrRange)
		return 0
	}
	return int32(v)
}

// Enum reads the index of a symbol, of n that there are.
func (r *Reader) Enum(n int) int {
	v := r.Long()
	if v < 0 || v >= int64(n) {
		r.fail(ErrEnum)
		return 0
	}
	return int(v)
}

// Union reads the index of a branch, of n that there are. After an error it is -1, which is no branch.
func (r *Reader) Union(n int) int {
	v := r.Long()
	if r.err != nil {
		return -1
	}
	if v < 0 || v >= int64(n) {
		r.fail(ErrUnion)
		return -1
	}
	return int(v)
}

// String reads a string.
func (r *Reader) String() string {
	n := r.length()
	if n == 0 {
		return ""
	}
	if r.text == "" {
		r.text = string(r.buf)
	}
	s := r.text[r.off : r.off+n]
	if !utf8.ValidString(s) {
		r.fail(ErrUTF8)
		return ""
	}
	r.off += n
	return s
}

// Bytes reads bytes into a slice of their own, nil when there are none.
func (r *Reader) Bytes() []byte {
	return append([]byte(nil), r.take(r.length())...)
}

// Fixed fills dst, whose length is the schema's.
func (r *Reader) Fixed(dst []byte) {
	copy(dst, r.take(len(dst)))
}

// Decimal reads a count of quanta of at most precision digits. Bytes that only repeat the sign are accepted, for
// some writers pad.
func (r *Reader) Decimal(precision int) int64 {
	b := r.take(r.length())
	if len(b) == 0 {
		r.fail(ErrDecimal)
		return 0
	}
	v := int64(int8(b[0]))
	for _, c := range b[1:] {
		if v>>55 != v>>63 { // the next shift would push a significant bit out
			r.fail(ErrPrecision)
			return 0
		}
		v = v<<8 | int64(c)
	}
	if !fits(v, precision) {
		r.fail(ErrPrecision)
		return 0
	}
	return v
}

// UUID reads the canonical text of a UUID, in either letter case.
func (r *Reader) UUID() (id [16]byte) {
	n := r.length()
	if r.err != nil {
		return id
	}
	if n != uuidLength {
		r.fail(ErrUUID)
		return id
	}
	text := r.take(n)
	if len(text) == 0 {
		return id
	}
	at := 0
	bad := byte(0)
	for i := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			bad |= text[at] ^ '-'
			at++
		}
		high, low := unhex[text[at]], unhex[text[at+1]]
		bad |= (high | low) & 0xf0
		id[i] = high<<4 | low&15
		at += 2
	}
	if bad != 0 {
		r.off -= uuidLength
		r.fail(ErrUUID)
		return [16]byte{}
	}
	return id
}

// Block reads the count of an array's next block, 0 at its end. An item has at least itemBytes bytes (1 or more),
// so a count that the rest of the input can't hold is refused before anybody makes room for it.
func (r *Reader) Block(itemBytes int) int {
	n := r.Long()
	if n < 0 {
		// A negative count is followed by the block's size, which lets a reader skip it. We read every item.
		size := r.Long()
		if size < 0 || n == math.MinInt64 {
			r.fail(ErrLength)
			return 0
		}
		n = -n
	}
	if n > int64((len(r.buf)-r.off)/itemBytes) {
		r.fail(ErrShort)
		return 0
	}
	return int(n)
}

// length reads the length of a string or of bytes and checks it against what is left.
func (r *Reader) length() int {
	n := r.Long()
	if n < 0 {
		r.fail(ErrLength)
		return 0
	}
	if n > int64(len(r.buf)-r.off) {
		r.fail(ErrShort)
		return 0
	}
	return int(n)
}

// take gives the next n bytes, not copied, or none when fewer are left.
func (r *Reader) take(n int) []byte {
	if n > len(r.buf)-r.off {
		r.fail(ErrShort)
		return nil
	}
	b := r.buf[r.off : r.off+n]
	r.off += n
	return b
}

// unhex gives the value of a hexadecimal digit, and 0xff for any other character.
var unhex = hexValues()

func hexValues() (table [256]byte) {
	for i := range table {
		table[i] = 0xff
	}
	for i, digit := range "0123456789abcdef" {
		table[digit] = byte(i)
	}
	for i, digit := range "ABCDEF" {
		table[digit] = byte(10 + i)
	}
	return table
}

package avrobin

import (
	"errors"
	"strconv"
)

// The kinds of error a Reader reports, found with errors.Is. They say what is wrong with the bytes, so that a
// rejection can name it.
var (
	// ErrShort means that the input ends before the value does, or that a length or a count claims more than is left.
	ErrShort = errors.New("input is too short")
	// ErrTrailing means that bytes are left after the last field.
	ErrTrailing = errors.New("bytes left after the last field")
	// ErrVarint means that a variable-length integer has more than 64 bits.
	ErrVarint = errors.New("integer is longer than 64 bits")
	// ErrRange means that an int does not fit 32 bits.
	ErrRange = errors.New("int is outside 32 bits")
	// ErrBool means that a boolean is neither 0 nor 1.
	ErrBool = errors.New("boolean is neither 0 nor 1")
	// ErrLength means that a length or a block size is negative.
	ErrLength = errors.New("length is negative")
	// ErrPrecision means that a decimal has more digits than its schema allows.
	ErrPrecision = errors.New("decimal has more digits than the schema allows")
	// ErrDecimal means that a decimal has no bytes at all. Zero is one byte.
	ErrDecimal = errors.New("decimal is empty")
	// ErrUnion means that the branch of a union is not one that the schema knows.
	ErrUnion = errors.New("unknown branch of a union")
	// ErrEnum means that the index of an enum is not one that the schema knows.
	ErrEnum = errors.New("unknown symbol of an enum")
	// ErrUUID means that a UUID is not 36 characters in the canonical form.
	ErrUUID = errors.New("uuid is not in the canonical 36-character form")
	// ErrUTF8 means that a string is not valid UTF-8.
	ErrUTF8 = errors.New("string is not valid UTF-8")
)

// Error is the first thing that was wrong with an input, and where.
type Error struct {
	// Kind is one of the Err values of this package.
	Kind error
	// Offset is the number of bytes read when it was noticed.
	Offset int
}

// Error says what is wrong and at which byte.
func (e *Error) Error() string {
	return e.Kind.Error() + " at byte " + strconv.Itoa(e.Offset)
}

// Unwrap gives the kind, for errors.Is.
func (e *Error) Unwrap() error { return e.Kind }

// Package avrobin reads and writes the binary encoding of Avro, one value at a time. The code that avrogen
// generates is made of calls to it; nothing here knows a schema.
//
// Writing appends to a slice and can't fail for a valid value. A value that the schema can't hold (a decimal
// beyond its precision) is a broken promise of the caller: it panics, because a wrong amount on the wire is worse.
//
// Reading is for untrusted input: every length is checked against what is left before anything is allocated, and
// the first error sticks, so that generated code can read a whole record and ask once.
package avrobin

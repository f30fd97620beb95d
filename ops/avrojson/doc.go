// Package avrojson turns JSON that people write into Avro, and Avro into JSON that people read: decimals are decimal texts,
// dates 2008-03-20, timestamps RFC 3339 in UTC, fixed values hexadecimal.
//
// A value of a union of several types is an object with one member that names the type, {"Buy": {...}}; the type's full
// name is understood as well. A union of null and one type is that type's value, or null. A field that has a default may be
// left out. Everything else is refused with the path of the field: nothing is guessed, and nothing is rounded.
package avrojson

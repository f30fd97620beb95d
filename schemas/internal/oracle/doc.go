// Package oracle checks generated record types against two Avro libraries that know nothing of them. Only tests
// import it.
//
// A random value is made from the schema alone, written by both libraries, read by the generated code, compared
// field by field, and written back to the same bytes.
package oracle

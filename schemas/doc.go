// Package schemas holds the nouns of Penstock: money, units, prices, dates, instants and the types of every
// identifier. The records that travel on Kafka are declared in the .avsc files of its sub-folders, one folder per
// area, and the Go types beside them are generated from those files.
//
// Quantities are whole quanta in a 64-bit integer inside a type of their own, so that pounds and units cannot be
// mixed and no float can enter. Operations that could overflow say so.
package schemas

//go:generate go run ./internal/avrogen

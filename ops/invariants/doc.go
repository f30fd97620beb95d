// Package invariants says of a ledger whether it keeps its promises. It judges from the records alone: what was received,
// what was journalled, and what the custodians were asked and have confirmed. It shares no rule with the processes
// that made them; where it must know a share, a dealing day or a settlement date, it works it out again in its own way.
//
// All of it is pure: whoever has the records, from Kafka, from Postgres or from a simulation, can ask. It expects a
// pipeline at rest: every record that was written has been read. Orders may be under way.
package invariants

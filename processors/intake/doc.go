// Package intake is the door: it reads what anybody may write and passes on what is readable, of the right shape and within
// bounds. There is one process per ingest topic, and none of them remembers anything but how far it has come.
//
//	flow       ingest.* -> [intake] -> pot.inbox.v1, dealing.inbox.v1, instruction.status.v1, audit.rejection.v1
//	key        none on the way in; on the way out the pot, the external trade, or the shard of dealing, or the payment reference
//	invariant  each ingest record becomes exactly one inbox record or one rejection
//	owner      the ledger team
//
// A record is checked in this order: its size; whether its bytes can be read; whether its key is one that only the pipeline
// may use; then each field. A rejection holds the position and the hash of the record, never a copy of it.
package intake

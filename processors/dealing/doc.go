// Package dealing turns closed days into external trades. It alone tells the shards of pots what concerns them all: reference
// data, closed days, and what custodians confirmed.
//
//	flow       dealing.inbox.v1 -> [dealing] -> pot.inbox.v1, ledger.trade.v1, custodian.order.v1, audit.rejection.v1, dealing.inbox.v1
//	key        the external trade
//	invariant  a trade's root is published before it is placed; its batch moves only by a confirmation that fits it
//	owner      the ledger team
//
// A day is closed for an asset when every partition of the instruction topic has reached the asset's cut-off. Each shard
// then answers with its total; when all totals are in, the batch is published, and in a later transaction placed. What is
// ready to be told is gathered by a message to itself, Flush: whatever became ready before it is told in one sweep.
//
// A confirmation is checked in this order: was it seen before; is there such a trade, with that custodian, placed and not
// ended; is the day's price released (if not, it waits); then what the confirmation itself must fit.
package dealing

// Package pot is the kernel: the only writer of postings. It decides what an instruction does to a pot and what becomes of
// the pot's orders.
//
//	flow       pot.inbox.v1 -> [pot] -> ledger.journal.v1, ledger.progress.v1, instruction.status.v1, audit.rejection.v1, dealing.inbox.v1,
//	           payment.order.v1, custodian.delivery.v1, and pot.inbox.v1 for what one key tells another
//	key        the pot; for cash from outside that is not attributed, the payment reference
//	invariant  every journal balances, touches one pot, and leaves no account of the pot below zero
//	owner      the ledger team
//
// An instruction is checked in this order, and the first check that fails names the refusal: was the pot opened; was the
// instruction seen before; is the pot not closed; is its date allowed; then what the instruction itself needs. A control message is a sweep:
// each pot that has an order in one of its batches is visited once, and the close books what concerns the shard as a whole.
package pot

// Package bank is the link to the bank: payments to be made go out by one topic, what the bank says of them, and of cash that it has
// received, comes back by another. A bank's own gateway may sit at the other end with any Kafka client; where there is none, the
// simulator of this package answers.
//
//	payment.order.v1 -------------------------\
//	ingest.instruction.v1 (partition 0, ticks) --> Run [Simulator] --> ingest.confirmation.v1
//
// The simulator sends a payment at the first tick after it was ordered, and its payee has it on the next day, or it bounces where the
// Behaviour says so. A payment that is recalled before it was sent comes back at once. Its confirmations have derived ids: saying
// one again after a restart changes nothing.
package bank

// Package custodian is the link to asset custodians: external trades go out by one topic, what custodians say of them comes
// back by another. A custodian's own system may sit at the other end with any Kafka client; where there is none, the
// simulator of this package answers.
//
//	custodian.order.v1, custodian.delivery.v1, ingest.price.v1 --\
//	ingest.instruction.v1 (partition 0, ticks) --> Run [Simulator] --> ingest.confirmation.v1
//
// The simulator deals every trade at the close that the vendor published for its dealing day, and settles it when it is due. Units in specie it delivers at the
// first tick after it was told to, unless that is stopped before. Where its
// Behaviour says so it deals in pieces, rejects, defers what a gated fund does not deal, and rounds what it reports. What it says of a trade depends on the order, the price and the
// behaviour alone, and its confirmations have derived ids: saying it again after a restart changes nothing.
package custodian

// Package proof shows that a member's order is in an external trade, without showing any other order, and checks what was shown.
//
//	salt, order id, weight -> leaf -> path -> root of the shard -> path -> root of the trade, which was published before the trade was placed
//
// A Proof is what is handed out: its JSON form is a contract, which ops/docs/proofs.md describes for people who write a verifier of their own. Check
// needs nothing but the proof; Compare holds it against the record by which the trade's root was published. Lists collects what a proof is made from.
//
// The leaf of an order is salted, so that the hashes of its neighbours, which a path shows, cannot be guessed: but for those of the order's own rests and
// parts, whose salts follow from its own.
package proof

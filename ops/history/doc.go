// Package history is what members' systems, price vendors, custodians and operators do over some days, drawn from a seed, and plays it
// against a pipeline: the one in memory, or the real system. It waits for rest wherever the order between topics would matter, so whoever
// takes which turn in between, the ledger must come out the same.
package history

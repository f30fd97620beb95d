// Package sim runs processes over topics in memory: their real handlers, bytes in and bytes out, in transactions, with sweeps
// and their tallies, but without a broker, a clock or a goroutine. What runs twice runs the same.
//
// A Schedule makes it take turns as a cluster might: which shard of which process works next, how many records its
// transaction takes, where a sweep is cut, and which transactions are dropped and done again all follow from a seed.
// Whatever the seed, the ledger must come out the same; that is what the package is for.
package sim

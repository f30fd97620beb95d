// Package engine runs processes on Kafka, exactly once. It is the only package that imports goka: goka gives a processor its shape (a group with
// an input, a table, outputs, a context, a tester), and franz-go moves the bytes.
//
// A shard is one partition of an inbox with all that is folded from it. Its life:
//
//	 group assigns the shard
//	        |
//	        v                                                        any doubt: an error, an unknown outcome, a fence
//	+--> fence: a new client takes the transactional id              <-----------------------------------------+
//	|       |   (aborts what a former owner left open, shuts it out)                                            |
//	|       v                                                                                                   |
//	|    own: commit an !owner record to the changelog                                                          |
//	|       |                                                                                                   |
//	|       v                                                                                                   |
//	|    restore: changelog --> store, until that very record; then the index, if another version built it      |
//	|       |                                                                                                   |
//	|       v                                                                                                   |
//	|    remember: !meta says where to go on, !reference and !sweep go to the handler                           |
//	|       |                                                                                                   |
//	|       v                                                                                                   |
//	|    +-- begin --> route --fifo--> goka decides --> overlay, outputs --+    (loop's and goka's goroutine)   |
//	|    |             until a limit, or until nothing is at hand          |                                    |
//	|    |                                                                 v                                    |
//	|    +--- store <-- end <-- flush <-- changelog: changed keys once, then !meta  ----------------------------+
//	|       |
//	|       | the group takes the shard away, or the instance ends: after the open transaction
//	|       v
//	|    close
//	|
//	+--- stopped: a handler failed, a record is unknown, ...: the others flow on; tried again after Limits.StoppedRetry
//
// Four rules hold it together, and each closes a hole:
//
//   - The transactional id fences, !meta positions. The consumer group only says who tries; its offsets are a copy. So neither a rebalance that comes
//     late nor somebody's console can make two owners or a gap.
//   - A doubt has one answer: drop the overlay, close the client without another End, Begin or Produce on it, start again from the top. An End that is not a
//     clean success proves nothing, and a client that goes on after one can take the id back from the next owner.
//   - The store is written after the commit, in one write with its position in the changelog. It can therefore be behind the changelog, never ahead, and restoring
//     rolls it forward.
//   - Nothing is read through the overlay but single keys. A sweep walks the index as committed, so it begins when the transaction before it has
//     ended.
//
// Where to read: shard.go (a life), restore.go, loop.go and transaction.go (the stream), sweep.go, goka.go and graph.go (what goka sees), store.go,
// index.go and overlay.go (state), member.go (the group), status.go and metrics.go (what others see), tester.go (a process without any of this).
package engine

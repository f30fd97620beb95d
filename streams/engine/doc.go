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
//	|    remember: !meta says where to go on, !reference and !sweep go to the handler, !parked says what is     |
//	|       |      parked                                                                                       |
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
//	+--- stopped: a close failed, a record is unknown, ...: the others flow on; tried again after Limits.StoppedRetry
//
// goka is handed its work by the handful, some dozens of records in one message, and decides them one after the other, each with a context of its own: a message
// for each would cost more than all else that is done with it. A state is looked up in the overlay, then among the recent ones, then in the store.
//
// A decision that panics or fails ends the life as any doubt does. The next life begins at once, knows it, and parks the record without deciding it, where the
// process says to what topic it parks (Process.ParkedTo; without one the shard stops):
//
//	keyed record ----> is its key parked? --no--> did it fail before, or kill the process? --no--> decide
//	                        | yes                        | yes
//	                        v                            v
//	                   append it to the key's queue: !parked-<n>/<key>, with the head !parked/<key>, and tell it on ParkedTo
//	                        ^                            ^
//	                        | yes                        | yes
//	visit of a sweep -> is its key parked? --no--> did it fail before, or kill the process? --no--> visit
//	                                                                              the close is told of those that were set aside
//	release ---------> from the front of the queue: keyed records are decided, control records swept again, whole; stops where one fails again
//	drop ------------> one keyed record leaves the queue, undecided; its sender is told
//
// Of a decision that kills the process nothing is left but what was noted before it: !attempt, that a process began here, and, from its second life on without
// a commit, !trying, which decision is under way. After three deaths under it a decision is parked. The watchdog makes an endless decision a death.
//
// Four rules hold it together, and each closes a hole:
//
//   - The transactional id fences, !meta positions. The consumer group only says who tries; its offsets are a copy. So neither a rebalance that comes
//     late nor somebody's console can make two owners or a gap.
//   - A doubt has one answer: drop the overlay, close the client without another End, Begin or Produce on it, start again from the top. An End that is not a
//     clean success proves nothing, and a client that goes on after one can take the id back from the next owner. Nor is a clean success enough where the
//     client committed a part, or aborted what it took for nothing; so every transaction ends in one place, which finds out (ending.go).
//   - The store is written after the commit, in one write with its position in the changelog. It can therefore be behind the changelog, never ahead, and restoring
//     rolls it forward.
//   - Nothing is read through the overlay but single keys. A sweep walks the index as committed, so it begins when the transaction before it has
//     ended. So do operators' words on parked keys.
//
// An instance may stand by for shards that run elsewhere (Config.Standby): it follows their changelogs into stores of its own, read committed and without any
// transactional id, and such a store goes to the shard when the group assigns it. To the shard's life it is a store that happened to lie there: fencing, !owner and
// the checks of a restore are the same.
//
// Where to read: shard.go (a life), restore.go and forward.go, standby.go and tail.go (shards that run elsewhere), loop.go, transaction.go and ending.go (the
// stream), sweep.go, parking.go and release.go (what is parked), trying.go and watchdog.go (deaths), goka.go, context.go and graph.go (what goka sees), store.go,
// index.go, overlay.go and recent.go (state), member.go (the group), status.go, metrics.go and moments.go (what others see), tester.go (a process without any of this).
package engine

// Package simulation breaks the real system in ways that a seed decides, and judges what comes of it. The engine with all its processes and
// the ledger sink run as they do everywhere; the broker is in the process, Postgres a real one. Only the disks, the network and the clock are made up.
//
//	seed --> records (ops/history) --+--> pipeline in memory (streams/sim), undisturbed --> the ledger that it must be
//	                                 |                                                             |
//	                                 +--> the real system, disturbed --> topics, Postgres -------> judge
//	seed, number --> plan (what goes wrong, and when) --^
//
// A run waits for progress, never for time: for rest after each part of a day, which is when every shard has committed that it has read its
// whole inbox; and for so many commits before an event of the plan. What an outsider sees (view.go) is watched all the time: sequences without a
// gap, no journal twice, no position that goes back. At the end the postings must be those of the run in memory, every invariant must hold by the topics, and
// the ledger in Postgres must verify and have the same canonical hash.
//
// A seed decides what is sent and what strikes at the n-th request or step of its kind. It does not decide which goroutine runs first, and so
// not which shard's request the n-th is. Running more, and again, covers that; nothing else does.
//
// Where to read: plan.go (what can go wrong), run.go and system.go (a run), instance.go, sinks.go, disk.go and events.go (what is disturbed), view.go (rest),
// judge.go and reference.go (the verdict), many.go (workers).
package simulation

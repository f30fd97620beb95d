// Package streams is the vocabulary of a pipeline: topics, records, processes, sweeps and what a decision may know of
// its place in the order. It is pure: the engine below it does the input and output, the processors above it decide.
//
// A process reads one topic, its inbox. Partition s of the inbox is shard s of the process: the totally ordered record
// of what its keys were told. All that a shard knows is a fold over that partition.
package streams

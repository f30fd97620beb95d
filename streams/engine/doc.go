// Package engine runs processes: exactly once, on Kafka transactions, with a local store per shard.
package engine

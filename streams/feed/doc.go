// Package feed is the way to Kafka and the schema registry for everything but the engine: connections, the framing of
// values, topics and access rights, a producer, a reader and the membership of a group.
//
// Nothing here decides anything about money. Every client says where it is made which acknowledgements, isolation,
// partitioner and timeouts it uses; none commits offsets that mean anything, and none resets to another offset by itself.
package feed

// Package embedded runs the default stack in one process: a Kafka broker, a
// schema registry and a Postgres server, with everything they hold in one
// folder, so that Penstock works on a machine where nothing else is installed.
//
//	                         Start                            Dir/
//	                           |        one holder at a time    lock
//	    +----------------------+---------------------+
//	    |                      |                     |
//	postgres (child process)  broker (kfake)     registry (srfake)
//	unix socket only          real port          real port
//	    |                      |                     |
//	Dir/postgres/data-15    Dir/kafka/           Dir/registry.log
//	(or where              Dir/unclean-stop      Dir/addresses.json
//	 Dir/postgres.path     Dir/generation
//	 says)
//
// Read stack.go first: it starts and stops the three in order. What each of
// them needs to survive a clean stop, and a kill -9, is told in broker.go (with
// ending.go and repair.go), registry.go and postgres.go.
//
// The broker is a single process without replication. It is made for trying
// Penstock out, for development and for tests, not for anybody's money.
package embedded

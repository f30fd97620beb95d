// Package roles assembles the parts of Penstock into running roles. Every deployment, from the embedded stack in one
// process to one process per role, is a set of roles on one Instance:
//
//	                 +----------------------------- Instance -----------------------------+
//	                 |                                                                    |
//	ingest.* ------> | intake --\                                                         |
//	    ^            | pot ------+-- one engine (streams/engine) --> ledger.*, custodian.* |
//	    |            | dealing --/                                       |        |       |
//	    +-- ticks -- | clock                                             v        v       |
//	    |            | sink  ------------------------------------> Postgres       |       |
//	    +- confirm - | custodian-simulator <--------------------------------------/       |
//	                 | api, and always /healthz /metrics /status                          |
//	                 +--------------------------------------------------------------------+
//
// A role waits for what it needs, says on the board what that is, and goes on by itself. It ends the instance only where
// waiting cannot help: a setting or a topic is wrong.
package roles

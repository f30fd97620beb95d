// Package postgres keeps the authoritative double-entry ledger in Postgres: it books what the ledger topics carry, proves that
// what is stored is what was decided, and answers questions about it.
//
//	ledger.journal.v1, ledger.progress.v1 (a partition per shard) --\
//	ledger.trade.v1 (one partition) ---------------------------------> Run -> Book -> schema ledger -> views in schema report
//
// A run of records and the position after it are written in one SQL transaction, whose first statement moves the position
// on only if it is still ours: whoever claims a shard raises its epoch, so a former owner can change nothing. Duplicates and crashes
// therefore need no care; sequence, chain and the other tripwires are there to notice what can't happen.
//
// The sink stores, it decides nothing. What it may do in the database is what role penstock_sink may do: insert rows
// and move positions.
package postgres

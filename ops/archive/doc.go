// Package archive writes the journals of some months into files that anybody can read for as long as there are text files, and checks such files without a
// database.
//
//	manifest.json     what is there: months, and per shard the numbers and hashes at both ends; each file's rows, length and SHA-256; totals per asset
//	journals-N.csv    a row for each journal of shard N
//	postings-N.csv    a row for each of its postings, in the same order
//	trades.csv        a row for each event of an external trade
//	trade-parts.csv   a row for each part of a trade that a shard froze, by the event that told it
//
// The rows hold all that a journal's hash covers, so Read makes every journal again and finds a value that is changed, missing or added between a shard's
// first journal and its last at its place, whoever wrote the manifest anew. Archives of months that follow each other are tied by the heads in their
// manifests. What is cut off at an end, or made anew as a whole, only heads that were signed can show: Verify compares them. Events of trades have no hash of
// their own; what was signed of them shows whether they are those that the ledger was told.
package archive

// Package demo shows the main job on real input: a trust of some thousand members, twenty dealing days on real closing
// prices, from the first instruction to the last settled unit, and then checks that all of it is right.
//
//	data/          closing prices and a calendar, with their sources in NOTICE
//	prices.go      the closes by day; reference.go, assets.go: the reference data that makes funds of them
//	workload.go    what the members and others send, from a seed, each record with the answer that it must get
//	follow.go      what the topics say so far; run.go drives the days by it, and never waits for anything else
//	check.go       the answers against what was expected, and the invariants of the ledger; report.go prints them
//
// The workload knows nothing of the processors: what it expects is worked out again here from the calendars, the cut-offs and the
// cash that it paid in.
package demo

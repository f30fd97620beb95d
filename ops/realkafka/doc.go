// Package realkafka runs a real Apache Kafka broker, and a real schema registry, beside the tests that need them.
//
// The embedded stack speaks Kafka's protocol but has no replication, no crash of its own and no second opinion on
// transactions. What Penstock promises after a fault is therefore proven here as well: on the broker that production uses,
// killed without warning and started again on the same disk.
//
// The broker comes as jars from Maven, once, into a cache outside the tree, and runs on Java 17 or newer: one process in
// KRaft mode, on random loopback ports, in a process group of its own, killed with the process that started it.
//
//	func TestRealLedgerSurvivesTheBroker(t *testing.T) {
//		broker := realkafka.ForTest(t, realkafka.Options{})
//		... broker.Addr() ... broker.Kill() ... broker.Restart(ctx) ...
//	}
//
// Suites built on it run under `make real`. Elsewhere each of their tests skips with a reason, and the test runner counts
// them by that reason, so a suite that does not run never looks like one that passes.
package realkafka

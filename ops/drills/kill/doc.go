// Package kill drills the binary: it is killed with -9 at random moments while members instruct and days close, started
// again on the same folder, and sent again what was not acknowledged. The ledger must end as if nothing had happened.
//
//	plan (from a seed)      which step is interrupted, after how long, and whether the next start is, too
//	script (from a seed)    waves of instructions, closes of days, until nothing is under way
//	undisturbed run         the script, once
//	disturbed run           the script, under the plan
//	                        canonical hashes are equal, every invariant holds at rest
package kill

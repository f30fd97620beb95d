// Package bench measures the whole cycle of members' money on the embedded stack: a contribution split in three for every
// pot, the dealing day closed, the external trades priced and settled, everything booked in Postgres.
//
// The stack is the one that `penstock up` runs, in this process and with the same limits. Only the outside is played by the
// benchmark itself: it is the payroll that sends, the clock, the vendor and the custodian. What ends a stage is
// always something that an outsider sees: the statuses of all instructions, the custodian's orders, or that Postgres
// says that it is complete. Nothing here asserts a time.
package bench

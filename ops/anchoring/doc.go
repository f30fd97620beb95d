// Package anchoring signs what the ledger's hash chains have come to, again and again: one line for each period, such as a day of UTC, in a file outside of
// the database.
//
// The file is all that it remembers. Which periods have a line is read off the lines themselves, which carry the time of the database: so who is killed and
// begun again signs no period twice, and one that was away for some periods signs once, for the present one. Whatever keeps it from signing it says and waits for.
package anchoring

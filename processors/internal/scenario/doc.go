// Package scenario reads and runs the files that specify what processes do, in words that people who keep accounts can check.
//
//	at      2008-03-17 10:00                                   the time (UTC) at which what follows is received
//	given   Contribution pot=p1 id=c1 cash=100.00              happens; its outcome is not looked at
//	when    Buy pot=p1 id=b1 asset=GB00X cash=60.00            happens; the lines below it are the whole outcome, in order
//	then    Journal pot=p1 pot:available->pot:reserved=60.00   an output; of a journal, every posting is named
//	then    Status id=b1 state=accepted
//	reject  pot/cash-not-available                             a rejection record, and the answer to whoever is to have one
//	is      Pot pot=p1 available=40.00 reserved=60.00          what is so now; it is no output
//	given   Parked   pot=p1                                    it is set aside: what it is told from here on waits
//	when    Released pot=p1                                    it is told all of that; Dropped takes the first out, untold
//
// A line "also" adds to the message of the line above it. The argument times=9 repeats a line, with # in its arguments for
// the number of the repetition. What a "then" line names must be so; of what it does not name, only the postings are
// looked at, and flags. An argument that stands several times is compared in order. A "#" begins a comment at the beginning of a line.
package scenario

// Package model is Penstock as an accountant would work it by hand: slow, obvious and written apart. It keeps exact fractions in plain maps, reads
// the same lines as the scenarios do, and shares with the processes nothing but the nouns. Its test plays random histories to both, and compares
// every balance of every account and every answer to an instruction after every line; of units in specie also each posting with its stage and day, each word to
// a custodian, and each refusal of what a custodian says.
//
// What it leaves out: other rules of allocation than the first, quantities that custodians round, confirmations that an operator accepts or drops,
// reversals of other bookings than contributions and charges, bounds that no history of the test reaches, parked pots, and how records travel. Those have tests
// of their own.
package model

// Package faults breaks connections where it hurts: at a named request, when it comes for the n-th time, before the broker has it or after it
// has done what it was asked, so that the client never knows.
//
// Wire is a dialer for Kafka clients. It reads the frames that pass (size, kind, correlation id) and nothing else of them, so it works on
// any broker. SQL is the same for connections to Postgres. What only a broker can do, answering with an error, Answers asks of the
// in-process broker. Address puts another server where clients believe the former one to be.
//
//	client --Write--> [request n of a kind?] --> refused: never sent, cut      silent: never sent, never answered
//	client <--Read--- [answer to it?]        <-- lost: cut instead of answered  mute: never delivered   late: held back
//
// Everything counts what really struck: a fault that never came up proves nothing.
package faults

//go:build race

package simulation

// fetchSessions is how many fetch sessions the broker keeps. A client that closes writes its session while a fetch of its own may still read
// it: a race inside the client's library, without effect, for nothing that the fetch brings is used. A run closes clients by the dozen, so
// under the race detector, which is to find our races, there are no sessions.
const fetchSessions = "0"

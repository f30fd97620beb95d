//go:build !race

package simulation

// fetchSessions is how many fetch sessions the broker keeps.
const fetchSessions = "1000"

// Package processes drills whole operating-system processes: a workload is driven through two or three instances of the roles while they,
// the broker or Postgres are killed, frozen, robbed of their stores or restarted, and at the end the ledger must be what the same
// workload makes of it in memory, where nothing ever fails.
//
//	load (from a seed)     phases of instructions, ticks and prices; the day closes, trades are priced and settled; units in specie come and go meanwhile
//	forecast               the load on the pipeline in memory: every instruction's fate, each kind of step of deliveries, and the ledger's canonical hash
//	site                   a broker, a registry and Postgres, each a process of its own
//	crew                   victims: instances of the roles, started again when they are killed
//	drill                  who is struck, when: at a named step, or after so much of the load from the seed
//	verdict                0 lost, 0 doubled, as many steps of deliveries, the same hash, a clean ledger, every invariant
//
// The page ops/docs/drills.md says what each drill does and how to run one again.
package processes

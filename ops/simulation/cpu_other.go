//go:build !unix

package simulation

import "time"

// cpuTime returns nothing: this system does not tell.
func cpuTime() time.Duration { return 0 }

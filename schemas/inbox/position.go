// Package inbox holds the records of the inboxes: what pots and dealing are told, and what led to it.
package inbox

import "strconv"

// Position names the ingest record as topic/partition/offset.
func (v *Cause) Position() string {
	return v.Topic + "/" + strconv.Itoa(int(v.Partition)) + "/" + strconv.FormatInt(v.Offset, 10)
}

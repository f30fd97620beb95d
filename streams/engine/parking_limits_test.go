package engine

import (
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestAShardThatParksTooMuchStops(t *testing.T) {
	for name, test := range map[string]struct {
		keys, records int
		send          func(w *ward)
	}{
		"keys":    {2, 100, func(w *ward) { w.send("a", "ill 1"); w.send("b", "ill 1"); w.send("c", "ill 1") }},
		"records": {2, 3, func(w *ward) { w.send("a", "ill 1", "add 2", "add 3", "add 4") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWard(t, 1)
			w.limits.ParkedKeysMax, w.limits.ParkedRecordsMax = test.keys, test.records
			w.illness.records = keySet("a", "b", "c")
			test.send(w)
			i := w.start()
			await(t, "the shard to stop", func() bool { return i.status(0).State == StateStopped })
			if reason := i.status(0).Reason; !strings.Contains(reason, "at most 2 keys are parked") && !strings.Contains(reason, "look at the binary") {
				t.Errorf("the reason is %q", reason)
			}
			i.stop()
			// With more room, or another binary, it goes on.
			w.illness.cure()
			w.limits.ParkedKeysMax, w.limits.ParkedRecordsMax = 0, 0
			for _, key := range []string{"a", "b", "c"} {
				w.send(key, releaseAll)
			}
			i = w.start()
			w.caughtUp(i)
			i.stop()
			w.recovered()
		})
	}
}

// A state that grew too large is its key's trouble, and no other's: the broker, asked to take it, would refuse the whole transaction, again and again.
func TestAStateThatGrewTooLargeParksItsKey(t *testing.T) {
	w := newWard(t, 1)
	kept := w.process.Table.RecordBytesMax
	w.process.Table.RecordBytesMax = 14
	w.some(5)
	w.send("growing", "add 1", "add 2", "add 3") // @7 makes it a number of 13 digits
	i := w.start()
	w.caughtUp(i)
	w.holds(i, 0, map[string][]int64{"growing": {7}})
	i.stop()
	w.process.Table.RecordBytesMax = kept
	w.releaseMended("growing")
}

// The record has as much room in the changelog as it had in the inbox, and room for where it came from besides.
func TestTheLargestRecordCanBeParked(t *testing.T) {
	w := newWard(t, 1)
	// Topics that are made with a limit have it from their first record on. A limit that is changed is known to a broker a little later.
	for topic, settings := range map[string]map[string]string{w.process.Inbox.Name: inboxSettings, w.process.Table.Name: tableSettings} {
		wanted := maps.Clone(settings)
		wanted["max.message.bytes"] = strconv.Itoa(int(Limits{}.withDefaults().RecordBytesMax))
		w.recreate(topic, wanted)
	}
	w.client = w.newClient(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(Limits{}.withDefaults().RecordBytesMax))
	w.illness.records = keySet("key")
	w.send("key", "ill "+strings.Repeat("0", w.process.Table.RecordBytesMax-len("ill 1")-len(plain{}.Frame("", nil)))+"1")
	i := w.start()
	w.caughtUp(i)
	w.holds(i, 0, map[string][]int64{"key": {0}})
	i.stop()
	w.releaseMended("key")
}

// Another binary is not enough then: the record waits behind others of its key, and the release behind the record.
func TestAQueueThatIsFullNeedsMoreRoomToBeReleased(t *testing.T) {
	w := newWard(t, 1)
	w.limits.ParkedRecordsMax = 2
	w.illness.records = keySet("key")
	w.send("key", "ill 1", "add 2")
	i := w.start()
	w.caughtUp(i)
	w.illness.cure()
	w.send("key", "add 3", releaseAll)
	i.stopsFor("2 records are parked")
	i.stop()
	w.limits.ParkedRecordsMax = 3
	i = w.start()
	w.caughtUp(i)
	w.holds(i, 0, map[string][]int64{})
	i.stop()
	w.recovered()
}

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/streams/engine"
)

func TestTheStateOfAShardSaysSinceWhenAndHowFar(t *testing.T) {
	minuteAgo := time.Now().Add(-time.Minute).UnixMilli()
	for _, test := range []struct {
		state      engine.State
		reason     string
		since      int64
		begin, end string
	}{
		{engine.StateRunning, "", minuteAgo, "running", "running"},
		{engine.StateRunning, "the registry is away", minuteAgo, "running: the", "registry is away"},
		{engine.StateNotOurs, "", 0, "not ours", "not ours"},
		{engine.StateStandingBy, "", minuteAgo, "standing by 30/90 for 1m", "s"},
		{engine.StateRestoring, "", minuteAgo, "restoring 30/90 for 1m", "s"},
		{engine.StateStopped, "it is ill", minuteAgo, "stopped for 1m", "s: it is ill"},
	} {
		if text := shardState(test.state, test.reason, test.since, 30, 90); !strings.HasPrefix(text, test.begin) || !strings.HasSuffix(text, test.end) {
			t.Errorf("%s: %q", test.state, text)
		}
	}
}

package engine

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestAStartThatGetsStuckIsBegunAnew(t *testing.T) {
	f := newFixture(t, 1)
	f.limits.StartTimeMax = 2 * time.Second
	f.send("key", "add 1")
	var answers atomic.Bool
	cluster := f.fake()
	cluster.ControlKey(int16(kmsg.InitProducerID), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if answers.Load() {
			return nil, nil, false
		}
		response, _ := request.ResponseKind().(*kmsg.InitProducerIDResponse)
		response.ErrorCode = kerr.ConcurrentTransactions.Code
		return response, nil, true
	})
	i := f.start()
	await(t, "the stuck start to be given up", func() bool { return strings.Contains(i.status(0).Reason, "got stuck") })
	answers.Store(true)
	f.caughtUp(i)
	i.stop()
	f.check()
}

package roles

import (
	"log/slog"
	"strings"
	"testing"
)

func TestTheBoardLogsEachChangeOnceAndSaysWhatIsWaitedFor(t *testing.T) {
	var log strings.Builder
	b := newBoard([]Role{Pot, Sink}, slog.New(slog.NewTextHandler(&log, nil)))
	b.runs(Pot)
	b.waits("Postgres: away", Sink)
	b.waits("Postgres: away", Sink)
	if got := b.waiting(); got != "sink: waiting, Postgres: away" {
		t.Errorf("waiting: %q", got)
	}
	if n := strings.Count(log.String(), "Postgres: away"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, log.String())
	}
	select {
	case <-b.running:
		t.Error("not every role has run")
	default:
	}
	b.runs(Sink)
	select {
	case <-b.running:
	default:
		t.Error("every role has run")
	}
	b.set(Sink, StateStopped, "a gap")
	if got := b.waiting(); got != "sink: stopped, a gap" {
		t.Errorf("stopped: %q", got)
	}
}

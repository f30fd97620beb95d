package roles

import (
	"errors"
	"path/filepath"
	"testing"
	"time"
)

func TestASimulatedClockKeepsItsTimeAndNeverRunsBackwards(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clock")
	start := time.Date(2008, time.March, 20, 8, 0, 0, 0, time.UTC)
	clock, err := OpenManual(path, start)
	if err != nil || !clock.Now().Equal(start) {
		t.Fatalf("a new clock shows %s, %v", clock.Now(), err)
	}
	later := start.Add(time.Hour)
	if err := clock.Advance(later.Add(300 * time.Microsecond)); err != nil || !clock.Now().Equal(later) {
		t.Errorf("it shows %s, %v", clock.Now(), err)
	}
	if err := clock.Advance(start); !errors.Is(err, ErrBackwards) || !clock.Now().Equal(later) {
		t.Errorf("backwards: %v, it shows %s", err, clock.Now())
	}
	again, err := OpenManual(path, start)
	if err != nil || !again.Now().Equal(later) {
		t.Errorf("opened again it shows %s, %v", again.Now(), err)
	}
}

func TestATickFollowsEachMinute(t *testing.T) {
	minute := time.Date(2026, time.March, 20, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		now  time.Time
		want time.Duration
	}{
		{minute.Add(10 * time.Second), 2 * time.Second},
		{minute.Add(-time.Second), time.Second + minuteMargin},
		{minute.Add(-2 * time.Second), 2 * time.Second},
	} {
		if got := untilTick(test.now, 2*time.Second); got != test.want {
			t.Errorf("at %s: %s, want %s", test.now, got, test.want)
		}
	}
}

func TestRolesAreParsedByTheirNames(t *testing.T) {
	got, err := Parse([]string{"pot", " sink", "pot"})
	if err != nil || len(got) != 2 || got[0] != Pot || got[1] != Sink {
		t.Errorf("%v, %v", got, err)
	}
	for _, wrong := range [][]string{nil, {"everything"}, {""}} {
		if _, err := Parse(wrong); err == nil {
			t.Errorf("%q was accepted", wrong)
		}
	}
}

package parked_test

import (
	"fmt"
	"testing"

	"github.com/penstock-ledger/penstock/ops/parked"
	"github.com/penstock-ledger/penstock/schemas/audit"
)

// summary tells of what is parked in a line.
func summary(f *parked.Fold) string {
	text := ""
	for _, k := range f.Keys() {
		text += fmt.Sprintf("%s/%s tried %d:", k.Process, k.Key, k.Attempts)
		for _, r := range k.Records {
			text += fmt.Sprint(" ", r.Offset)
		}
		text += "; "
	}
	return text
}

func TestFoldFollowsTheHistoryOfAKey(t *testing.T) {
	var f parked.Fold
	step := func(key string, body audit.ParkedBody, want string) {
		t.Helper()
		f.Add(&audit.Parked{Process: "pot", Key: key, Body: body})
		if got := summary(&f); got != want {
			t.Errorf("after %+v there is %q, want %q", body, got, want)
		}
	}
	in := func(offset, position int64, control bool) *audit.RecordParked {
		return &audit.RecordParked{Topic: "pot.inbox.v1", Offset: offset, Position: position, Control: control, Reason: "ill"}
	}
	step("p1", &audit.Refused{Refusal: "not parked"}, "")
	step("p1", &audit.Released{}, "")
	step("p1", in(5, 0, false), "pot/p1 tried 1: 5; ")
	step("p1", in(6, 1, true), "pot/p1 tried 1: 5 6; ")
	step("p0", in(9, 0, false), "pot/p0 tried 1: 9; pot/p1 tried 1: 5 6; ")
	step("p0", &audit.Dropped{Offset: 9}, "pot/p1 tried 1: 5 6; ")
	step("p1", in(7, 2, false), "pot/p1 tried 1: 5 6 7; ")
	// A release that fails at its first record leaves it in front.
	step("p1", in(5, 0, false), "pot/p1 tried 2: 5 6 7; ")
	step("p1", &audit.Refused{Refusal: "a control record"}, "pot/p1 tried 2: 5 6 7; ")
	step("p1", &audit.Dropped{Offset: 7, Remaining: 2}, "pot/p1 tried 2: 5 6; ")
	step("p1", &audit.Released{Remaining: 1}, "pot/p1 tried 0: 6; ")
	step("p1", in(6, 0, true), "pot/p1 tried 1: 6; ")
	step("p1", &audit.Released{}, "")
	step("p1", in(8, 0, false), "pot/p1 tried 1: 8; ")
	if k := f.Find("pot", "p1"); k == nil || k.Reason != "ill" || f.Find("dealing", "p1") != nil {
		t.Errorf("found %+v", k)
	}
}

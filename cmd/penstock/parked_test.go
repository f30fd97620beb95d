package main

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/penstock-ledger/penstock/ops/parked"
	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/streams"
)

// ward makes pots ill: every decision on them panics, after it has done all that it would have done.
type ward struct {
	mu  sync.Mutex
	ill map[string]bool
}

func (w *ward) set(pot string, ill bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ill[pot] = ill
}

func (w *ward) isIll(pot string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ill[pot]
}

// wrap stands between the engine and the rules of pots.
func (w *ward) wrap(process streams.Process) streams.Process {
	if process.Name != pot.Name {
		return process
	}
	inner := process.NewHandler
	process.NewHandler = func(framing streams.Framing) streams.Handler { return &patient{inner(framing), w} }
	return process
}

// patient is a shard's handler of which some pots may be ill.
type patient struct {
	streams.Handler
	ward *ward
}

func (p *patient) Decide(scope *streams.Scope, route *streams.Route, key string, state []byte) (streams.Change, error) {
	change, err := p.Handler.Decide(scope, route, key, state)
	if p.ward.isIll(key) {
		panic("no rule fits " + key)
	}
	return change, err
}

// parkedTour opens two pots that are told the same.
func parkedTour() string { return tour + strings.ReplaceAll(tour, `"p1"`, `"p2"`) }

// parkedStack runs a stack with the ward, and returns how to speak to it.
func parkedStack(t *testing.T) (*ward, *stack, func(...string) []string) {
	t.Helper()
	dir := stackDir(t)
	w := &ward{ill: make(map[string]bool)}
	config := testConfig(t, dir)
	config.Wrap = w.wrap
	s, _ := testStack(t, config)
	return w, s, func(args ...string) []string { return append(args, "--dir", dir) }
}

func TestAPotThatCannotBeDecidedIsParkedReleasedAndSettlesLikeTheOthers(t *testing.T) {
	w, s, at := parkedStack(t)
	must(t, parkedTour(), at("produce", "ingest.instruction.v1")...)
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out := must(t, "", at("parked", "list")...); out != "nothing is parked\n" {
		t.Errorf("at first the list is %q", out)
	}
	refused(t, "p1 is not parked in process pot", "", at("parked", "release", "p1", "--reason", "x")...)

	// It is ill when the day is closed: the batches wait, and everybody can see for whom.
	w.set("p1", true)
	if closed := read[roles.ClosedDay](t, at("day", "close", "2008-03-20", "--json")...); len(closed.Trades) != 0 {
		t.Errorf("the day came to %+v", closed.Trades)
	}
	offset := checkParkedDay(t, at)
	refused(t, "money would be lost", "", at("parked", "drop", "p1", offset, "--reason", "x", "--execute")...)
	if out := must(t, "", at("parked", "release", "p1", "--reason", "is it well?")...); !strings.Contains(out, "1 records are decided") || !strings.Contains(out, "nothing was done") {
		t.Errorf("the plan is %q", out)
	}
	refused(t, "p1 is parked again", "", at("parked", "release", "p1", "--reason", "is it well?", "--execute")...)
	w.set("p1", false)
	release(t, s, at, "p1")
	if after := read[roles.DayStatus](t, at("day", "status", "--json")...); len(after.Batches) != 0 || len(after.Trades) != 2 {
		t.Errorf("after the release there are %+v and %+v", after.Batches, after.Trades)
	}

	// It is ill again when the trades settle: the others settle, and the shard owes the rest.
	w.set("p1", true)
	must(t, "", at("day", "close", "2008-03-25")...)
	must(t, "", at("day", "close", "2008-03-26")...)
	if still := read[roles.DayStatus](t, at("day", "status", "--json")...); len(still.Owed) == 0 {
		t.Errorf("nothing is owed: %+v", still)
	}
	w.set("p1", false)
	release(t, s, at, "p1")
	checkAlike(t, at)
	if owed := read[roles.DayStatus](t, at("day", "status", "--json")...).Owed; len(owed) != 0 {
		t.Errorf("still owed is %+v", owed)
	}
	must(t, "", at("ledger", "verify", "--at-rest")...)
	// Its orders were frozen only when it was released, and those beside them were told of twice.
	checkProofs(t, at, "p1", "p2")
	checkTraces(t, at, "p1")
}

// checkParkedDay looks at p1, which is parked at the close of a day, and returns the offset of what waits.
func checkParkedDay(t *testing.T, at func(...string) []string) string {
	t.Helper()
	list := read[[]parked.Key](t, at("parked", "list", "--json")...)
	if len(list) != 1 || list[0].Key != "p1" || list[0].Process != pot.Name || len(list[0].Records) != 1 || !strings.Contains(list[0].Reason, "no rule fits p1") {
		t.Fatalf("parked are %+v", list)
	}
	if out := must(t, "", at("parked", "show", "p1")...); !strings.Contains(out, `"DayClosed"`) || !strings.Contains(out, "a control record") {
		t.Errorf("p1 is shown as %s", out)
	}
	status := fullStatus(t, at())
	if p := status.Shards[list[0].Shard].Parked; p == nil || p.Keys != 1 || p.Longest[0].Key != "p1" {
		t.Errorf("the status shows %+v", p)
	}
	if out := must(t, "", at("status")...); !strings.Contains(out, "parked: p1 of process pot") {
		t.Errorf("the status does not name p1:\n%s", out)
	}
	day := read[roles.DayStatus](t, at("day", "status", "--json")...)
	if len(day.Batches) != 2 || len(day.Batches[0].Parked) != 1 || day.Batches[0].Parked[0] != list[0].Shard {
		t.Errorf("the batches that wait are %+v", day.Batches)
	}
	if out := must(t, "", at("day", "status")...); !strings.Contains(out, "penstock parked list") {
		t.Errorf("the day's status does not say who is waited for:\n%s", out)
	}
	return strconv.FormatInt(list[0].Records[0].Offset, 10)
}

// release releases a pot that is well again, and waits until all that follows is booked.
func release(t *testing.T, s *stack, at func(...string) []string, pot string) {
	t.Helper()
	if out := must(t, "", at("parked", "release", pot, "--reason", "mended", "--operator", "anna", "--execute")...); !strings.Contains(out, "done; 0 records wait") {
		t.Errorf("the release says %q", out)
	}
	settleBooks(t, s)
}

// settleBooks waits until all that was asked is decided, and booked.
func settleBooks(t *testing.T, s *stack) {
	t.Helper()
	if err := errors.Join(s.Settle(t.Context()), s.AwaitBooked(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// checkAlike compares the pot that was ill with the one that was told the same and never was.
func checkAlike(t *testing.T, at func(...string) []string) {
	t.Helper()
	ill, well := read[roles.PotView](t, at("pot", "show", "p1", "--json")...), read[roles.PotView](t, at("pot", "show", "p2", "--json")...)
	if len(ill.Orders) != 0 || len(ill.Holdings) != 2 || ill.Available != well.Available || ill.Holdings[0] != well.Holdings[0] || ill.Holdings[1] != well.Holdings[1] {
		t.Errorf("the pot that was ill is %+v, the other %+v", ill, well)
	}
}

func TestADroppedInstructionIsToldToItsSender(t *testing.T) {
	w, s, at := parkedStack(t)
	must(t, parkedTour(), at("produce", "ingest.instruction.v1")...)
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.set("p1", true)
	const more = `{"source":"portal","id":"c-9","pot":"p1","instructedOn":"2008-03-20","body":{"Contribution":{"cash":"1.00","split":[]}}}
{"source":"portal","id":"c-10","pot":"p1","instructedOn":"2008-03-20","body":{"Contribution":{"cash":"2.00","split":[]}}}
`
	must(t, more, at("produce", "ingest.instruction.v1")...)
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := read[[]parked.Key](t, at("parked", "list", "--json")...)
	if len(list) != 1 || len(list[0].Records) != 2 {
		t.Fatalf("parked are %+v", list)
	}
	w.set("p1", false)
	first := strconv.FormatInt(list[0].Records[0].Offset, 10)
	out := must(t, "", at("parked", "drop", "p1", first, "--reason", "sent by mistake", "--execute")...)
	if !strings.Contains(out, `"id":"c-9"`) || !strings.Contains(out, "done; 1 records wait") {
		t.Errorf("the drop says %s", out)
	}
	release(t, s, at, "p1")
	statuses := must(t, "", at("tail", "instruction.status.v1", "--no-follow", "--json")...)
	for _, line := range strings.Split(statuses, "\n") {
		if strings.Contains(line, `"id":"c-9"`) && !strings.Contains(line, `"code":"pot/dropped-by-operator"`) {
			t.Errorf("what was dropped is answered with %s", line)
		}
		if strings.Contains(line, `"id":"c-10"`) && !strings.Contains(line, `"state":"accepted"`) {
			t.Errorf("what waited behind it is answered with %s", line)
		}
	}
	if !strings.Contains(statuses, "pot/dropped-by-operator") || !strings.Contains(statuses, `"id":"c-10"`) {
		t.Errorf("the statuses are %s", statuses)
	}
	if view := read[roles.PotView](t, at("pot", "show", "p1", "--json")...); view.Available != "2.00" {
		t.Errorf("the pot is %+v", view)
	}
}

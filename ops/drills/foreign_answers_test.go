package drills_test

import (
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/status"
)

// accepted holds when so many instructions have been accepted.
func accepted(n int) func([]*status.InstructionStatus) bool {
	return func(all []*status.InstructionStatus) bool { return inState("accepted", all) >= n }
}

// answered holds when so many instructions have been accepted, and everybody has been told whose instruction was refused and who is known from it. Intake writes
// the rejection and the answer in one transaction, but what it wrote to one partition may be readable a moment before what it wrote to another.
func answered(n int, rejections []*audit.Rejection) func([]*status.InstructionStatus) bool {
	known := 0
	for _, rejection := range rejections {
		if rejection.Pot != "" {
			known++
		}
	}
	return func(all []*status.InstructionStatus) bool {
		return inState("accepted", all) >= n && inState("rejected", all) >= known
	}
}

func inState(state schemas.Code, all []*status.InstructionStatus) int {
	count := 0
	for _, s := range all {
		if s.State == state {
			count++
		}
	}
	return count
}

// What is awaited is read again and again from the beginning: a status that was there before counts once.
func TestAnAnswerIsAwaitedUntilAllAreThere(t *testing.T) {
	in := func(states ...schemas.Code) (all []*status.InstructionStatus) {
		for _, state := range states {
			all = append(all, &status.InstructionStatus{State: state})
		}
		return all
	}
	enough := answered(2, []*audit.Rejection{{Code: "intake/undecodable"}, {Code: "intake/not-positive", Pot: "p"}})
	for range 2 {
		for _, some := range [][]*status.InstructionStatus{nil, in("accepted"), in("accepted", "rejected"), in("accepted", "accepted")} {
			if enough(some) {
				t.Errorf("%d statuses were enough", len(some))
			}
		}
	}
	if !enough(in("accepted", "rejected", "accepted")) {
		t.Error("all statuses were not enough")
	}
}

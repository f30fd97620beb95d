package roles

import (
	"fmt"
	"strings"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// HeldView is an instruction that is held for review.
type HeldView struct {
	Instruction schemas.InstructionID `json:"instruction"`
	Source      schemas.SourceID      `json:"source"`
	// Kind is what it asks, such as Buy.
	Kind       string    `json:"kind"`
	ReceivedAt time.Time `json:"received_at"`
	// ExpiresOn is the first day on which it is held no longer.
	ExpiresOn string `json:"expires_on"`
}

func heldViews(pot *state.PotState) []HeldView {
	views := make([]HeldView, len(pot.Review))
	for n := range pot.Review {
		held := &pot.Review[n]
		kind := strings.TrimPrefix(fmt.Sprintf("%T", held.Instruction.Body), "*ingest.")
		views[n] = HeldView{held.Instruction.ID, held.Instruction.Source, kind, held.ReceivedAt.Time(), held.ExpiresOn.String()}
	}
	return views
}

package roles

import (
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// DeliveryView is units in specie that come to a pot or leave it.
type DeliveryView struct {
	Delivery    string                `json:"delivery"`
	Direction   string                `json:"direction"` // in or out
	Asset       schemas.AssetCode     `json:"asset"`
	Units       string                `json:"units"`
	Custodian   schemas.CustodianID   `json:"custodian"`
	Stage       string                `json:"stage"` // open, delivered or failed
	On          string                `json:"on"`    // effective date of its last step
	Recalled    bool                  `json:"recalled"`
	Source      schemas.SourceID      `json:"source,omitempty"`
	Receiver    string                `json:"receiver,omitempty"`
	Instruction schemas.InstructionID `json:"instruction,omitempty"`
}

func deliveryViews(stored *state.PotState, scales map[schemas.AssetCode]int) []DeliveryView {
	views := make([]DeliveryView, 0, len(stored.Deliveries))
	for i := range stored.Deliveries {
		d := &stored.Deliveries[i]
		direction := "out"
		if d.Incoming {
			direction = "in"
		}
		views = append(views, DeliveryView{
			Delivery: d.ID.String(), Direction: direction, Asset: d.Asset, Units: d.Units.Text(scales[d.Asset]), Custodian: d.Custodian,
			Stage: strings.ToLower(d.Stage.String()), On: d.On.String(), Recalled: d.Recalled, Source: d.Source, Receiver: d.Receiver, Instruction: d.Instruction,
		})
	}
	return views
}

// Package specie reads what a custodian says of units in specie: units that come to a pot, or leave it, as they are, neither bought nor sold.
package specie

import (
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

// Notice is what all that is said of a delivery has in common.
type Notice struct {
	Pot   schemas.PotID
	Asset schemas.AssetCode
	Units schemas.Quantity
	// On is the custodian's day of it. Units that are announced are counted as they are on that day; a delivery ends in the units in which it began.
	On schemas.Date
}

// Of returns what the confirmation says of units in specie, and false where it is about something else.
func Of(c *ingest.Confirmation) (Notice, bool) {
	switch body := c.Body.(type) {
	case *ingest.UnitsAnnounced:
		return Notice{body.Pot, body.Asset, body.Units, body.On}, true
	case *ingest.UnitsDelivered:
		return Notice{body.Pot, body.Asset, body.Units, body.On}, true
	case *ingest.DeliveryFailed:
		return Notice{body.Pot, body.Asset, body.Units, body.On}, true
	}
	return Notice{}, false
}

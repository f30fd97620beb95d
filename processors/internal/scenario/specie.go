package scenario

import (
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

// delivered builds a transfer of units in specie.
func (b *builder) delivered() *ingest.TransferOutInSpecie {
	s := b.sell()
	return &ingest.TransferOutInSpecie{Asset: s.Asset, Units: s.Units, All: s.All, Receiver: b.Get("receiver", "another-scheme")}
}

// units builds what a custodian says of units in specie; nil for another kind of step. Units that come are named by the custodian, delivery=NAME, those that go by
// the instruction of which they are, of=ID.
func (b *builder) units(kind string) *ingest.Confirmation {
	pot, asset, quantity, on := schemas.PotID(b.Get("pot", "p1")), schemas.AssetCode(b.Get("asset", "GB00X")), schemas.Quantity(b.quanta("units", schemas.QuantityScale)), b.date("on")
	c := &ingest.Confirmation{Custodian: schemas.CustodianID(b.Get("custodian", "CREST")), ID: b.Get("id", strings.ToLower(kind)), Trade: b.delivery(pot)}
	switch kind {
	case "UnitsAnnounced":
		c.Body = &ingest.UnitsAnnounced{Pot: pot, Asset: asset, Units: quantity, On: on}
	case "UnitsDelivered":
		c.Body = &ingest.UnitsDelivered{Pot: pot, Asset: asset, Units: quantity, On: on}
	case "DeliveryFailed":
		c.Body = &ingest.DeliveryFailed{Pot: pot, Asset: asset, Units: quantity, On: on, Reason: b.reason("not-ours")}
	default:
		return nil
	}
	return c
}

func (b *builder) delivery(pot schemas.PotID) schemas.ID {
	if b.Has("of") {
		return schemas.DeriveID("delivery", b.Get("source", "portal"), string(pot), b.Get("of", ""), b.date("dated").String())
	}
	return schemas.DeriveID("custodian", b.Get("delivery", "D1"))
}

// deliveryArgs tells of an order to deliver units, or to stop a delivery.
func deliveryArgs(key string, o *custodian.DeliveryOrder) Args {
	return Args{
		{"key", key},
		{"pot", string(o.Pot)},
		{"action", o.Action.String()},
		{"custodian", string(o.Custodian)},
		{"asset", string(o.Asset)},
		{"units", amount(o.Units, o.UnitsScale, schemas.Cash)},
		{"receiver", o.Receiver},
		{"of", string(o.Instruction)},
		{"on", o.OrderedOn.String()},
	}
}

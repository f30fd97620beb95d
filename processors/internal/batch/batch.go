// Package batch names what pots and dealing must name alike: the external trade that the orders of a day become, and the
// tag under which a pot shows that it has such an order.
package batch

import (
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
)

// UnitsMax is the most units that a trade may move: ten thousand million. Pots rely on it, so that what they hold can always be said.
const UnitsMax schemas.Quantity = 10_000_000_000_000_000

// Trade returns the id of the one external trade per dealing day, custodian, asset and side.
func Trade(day schemas.Date, custodian schemas.CustodianID, asset schemas.AssetCode, side inbox.Side) schemas.ID {
	return schemas.DeriveID("trade", day.String(), string(custodian), string(asset), side.String())
}

// Tag returns the tag that a pot bears while it has an order of that day, asset and side.
func Tag(day schemas.Date, asset schemas.AssetCode, side inbox.Side) string {
	var scratch [128]byte
	b := day.Time().AppendFormat(scratch[:0], time.DateOnly)
	b = append(append(b, '/'), asset...)
	return string(append(append(b, '/'), side.String()...))
}

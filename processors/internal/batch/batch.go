// Package batch names what pots and dealing must name alike: the external trade that the orders of a day become, and the
// tag under which a pot shows that it has such an order.
package batch

import (
	"math/bits"
	"strconv"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
)

// UnitsMax is the most units that a trade may move: ten thousand million. Pots rely on it, so that what they hold can always be said.
const UnitsMax schemas.Quantity = 10_000_000_000_000_000

// ProceedsMax is the most cash that a trade may bring: four thousand million. Pots rely on it, so that the cash which they have, at most CashMax, can
// always be said.
const (
	ProceedsMax schemas.Money = 4_000_000_000_00
	CashMax     schemas.Money = 999_999_999_999_99
)

// Kind tells apart the batches that an asset may have on one day.
type Kind struct {
	Side inbox.Side
	// Basis is what the orders' weights count. Every buy counts cash.
	Basis inbox.Basis
}

// KindCount is how many kinds of batches there are.
const KindCount = 3

// Kinds returns all kinds of batches, in the order in which a shard tells of them.
func Kinds() [KindCount]Kind {
	return [KindCount]Kind{
		{inbox.SideBuy, inbox.BasisCash}, {inbox.SideSell, inbox.BasisUnits}, {inbox.SideSell, inbox.BasisCash},
	}
}

// String returns the kind as ids and tags name it. A buy is named by its side alone.
func (k Kind) String() string {
	switch {
	case k.Side == inbox.SideBuy:
		return "BUY"
	case k.Basis == inbox.BasisUnits:
		return "SELL/UNITS"
	}
	return "SELL/CASH"
}

// Trade returns the id of the one external trade per dealing day, custodian, asset and kind.
func Trade(day schemas.Date, custodian schemas.CustodianID, asset schemas.AssetCode, kind Kind) schemas.ID {
	return schemas.DeriveID("trade", day.String(), string(custodian), string(asset), kind.String())
}

// Correction returns the id under which the shards are told that a trade is corrected to a version of its price.
func Correction(trade schemas.ID, version int32) string {
	return schemas.DeriveID("corrected", trade.String(), strconv.Itoa(int(version))).String()
}

// Tag returns the tag that a pot bears while it has an order of that day, asset and kind.
func Tag(day schemas.Date, asset schemas.AssetCode, kind Kind) string {
	var scratch [128]byte
	b := day.Time().AppendFormat(scratch[:0], time.DateOnly)
	b = append(append(b, '/'), asset...)
	return string(append(append(b, '/'), kind.String()...))
}

// IsLess says whether an order has reserved fewer units for its weight than another one. No order, of weight 0, is more than any.
func IsLess(reserved, weight, otherReserved, otherWeight int64) bool {
	hi, lo := bits.Mul64(uint64(reserved), uint64(otherWeight))           //nolint:gosec // not negative
	otherHi, otherLo := bits.Mul64(uint64(otherReserved), uint64(weight)) //nolint:gosec // not negative
	return otherWeight == 0 || hi < otherHi || hi == otherHi && lo < otherLo
}

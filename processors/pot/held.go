package pot

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// What a shard can owe of a batch, where a piece has its number. Topics and states carry them: they are frozen.
const (
	// HeldTotal is the total that its batch waits for, HeldSettlement the outside leg of its settlement.
	HeldTotal      int32 = 0
	HeldSettlement int32 = -1
	// HeldGivenUp is the residue of a batch whose settlement is given up.
	HeldGivenUp int32 = -2
)

// tallyCompensation is under what a sweep adds up what pots gave to the scheme's compensation, less what they took.
const tallyCompensation int32 = 1

// heldCorrection stands for the residue of a batch's correction to a version of the price, which is at least 2.
func heldCorrection(version int32) int32 { return -2 * version }

// heldCorrectedSettlement stands for the outside leg of a settlement that the correction moves.
func heldCorrectedSettlement(version int32) int32 { return -2*version - 1 }

// heldMax bounds what a shard owes because pots are set aside: all of it is kept in one record with the reference data.
const heldMax = 5000

// closing is the end of a sweep: what it can do now, and what has to wait for pots that are set aside. What waits is kept with the reference
// data, so that the same message, when it is swept again after a release, does just that, once.
type closing struct {
	released bool
	aside    map[string]bool // the tags under which pots are set aside
	held     []state.HeldBatch
	changed  bool
	// done names what was done by a message that was swept before.
	done string
}

func newClosing(place streams.Place, stored *state.PotReference) *closing {
	c := &closing{released: place.Released, held: stored.Held}
	if len(place.SetAside) > 0 {
		c.aside = make(map[string]bool, len(place.SetAside))
	}
	for i := range place.SetAside {
		c.aside[place.SetAside[i].Tag] = true
	}
	return c
}

// missing returns the first of the tags under which a pot is set aside, or the first of all where none is.
func (c *closing) missing(tags []string) string {
	for _, tag := range tags {
		if c.aside[tag] {
			return tag
		}
	}
	return tags[0]
}

// due says whether the shard does now what it owes of a batch, of which all pots bear the tag. The first time it does, unless one of them is set
// aside; when the message is swept again, only what it did not do then. What orders took in earlier sweeps is added to the shares.
func (c *closing) due(tag string, trade schemas.ID, piece int32, shares *state.BatchTally) bool {
	at := slices.IndexFunc(c.held, func(h state.HeldBatch) bool { return h.Trade == trade && h.Piece == piece })
	if c.released && at < 0 {
		return false
	}
	if at >= 0 {
		shares.Weight += c.held[at].Weight
		shares.Got += c.held[at].Got
		shares.Given += c.held[at].Given
	}
	if c.aside[tag] {
		c.hold(at, state.HeldBatch{Trade: trade, Piece: piece, Weight: shares.Weight, Got: shares.Got, Given: shares.Given})
		return false
	}
	if at >= 0 {
		c.held, c.changed = slices.Delete(slices.Clone(c.held), at, at+1), true
	}
	if c.released {
		c.done += "/" + trade.String() + "/" + strconv.Itoa(int(piece))
	}
	return true
}

// hold keeps what is owed, in its place or at the end.
func (c *closing) hold(at int, batch state.HeldBatch) {
	if at >= 0 && c.held[at] == batch {
		return
	}
	c.held, c.changed = slices.Clone(c.held), true
	if at >= 0 {
		c.held[at] = batch
		return
	}
	if len(c.held) >= heldMax {
		panic(fmt.Sprintf("pot: the shard owes %d pieces, totals and settlements because pots are parked; release them", heldMax))
	}
	c.held = append(c.held, batch)
}

// after returns the reference data with what is held now.
func (c *closing) after(stored *state.PotReference) *state.PotReference {
	if !c.changed {
		return stored
	}
	next := *stored
	next.Held = c.held
	return &next
}

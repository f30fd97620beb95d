package model_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/processors/internal/specie"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

const (
	boundaryHistories = 12
	boundaryShards    = 3
)

// TestControlTotalsHoldAtEveryRecordBoundary tells each shard of random histories its inbox again, record by record. After each one what the custodians and the
// bank have of the shard is what its members and the scheme have, less what is bought or announced, and with what is sold, and not settled: as its inbox says, not the owed accounts.
func TestControlTotalsHoldAtEveryRecordBoundary(t *testing.T) {
	boundaries, unsettled, announced := 0, 0, 0
	for seed := range uint64(boundaryHistories) {
		o := newOutside(boundaryShards, sim.Schedule{})
		o.playAll(draw([]uint64{seed, 30}), nil)
		for shard := range int32(boundaryShards) {
			totals := newTotals(shard)
			for n, record := range o.pipeline.Partition(streams.PotInbox, shard) {
				totals.tell(t, record.Value)
				boundaries++
				unsettled += len(totals.dealt)
				announced += len(totals.coming)
				if wrong := totals.wrong(); wrong != "" {
					t.Fatalf("seed %d, shard %d, after record %d:\n%s\n%s", seed, shard, n, wrong, strings.Join(o.lines, "\n"))
				}
			}
		}
	}
	t.Logf("%d boundaries, %d unsettled trades and %d announced deliveries at them", boundaries, unsettled, announced)
	if unsettled == 0 || announced == 0 {
		t.Error("no trade was ever unsettled at a boundary, or no delivery announced")
	}
}

// totals are the control totals of one shard, while it is told its inbox.
type totals struct {
	pots *scenario.Shard[
		inbox.PotMessage, state.PotState, state.PotReference, *pot.Reference, state.PotTally,
		*inbox.PotMessage, *state.PotState, *state.PotReference, *state.PotTally,
	]
	// outside is what is held for the shard, below zero; inside what its members and the scheme have.
	outside, inside map[schemas.AssetCode]schemas.Quantity
	dealt           map[schemas.ID]*dealtPart
	coming          map[deliveryOf]specie.Notice // the pots' already, and not the custodians' yet
}

// dealtPart is a trade of which the shard was told pieces, and not that they have settled.
type dealtPart struct {
	asset                  schemas.AssetCode
	scale                  int32
	sells                  bool
	before, through, whole int64
	got, given             int64
}

func newTotals(shard int32) *totals {
	return &totals{
		pots: scenario.NewShard[
			inbox.PotMessage, state.PotState, state.PotReference, *pot.Reference, state.PotTally,
			*inbox.PotMessage, *state.PotState, *state.PotReference, *state.PotTally,
		](pot.Machine(), shard, boundaryShards),
		outside: make(map[schemas.AssetCode]schemas.Quantity), inside: make(map[schemas.AssetCode]schemas.Quantity), dealt: make(map[schemas.ID]*dealtPart), coming: make(map[deliveryOf]specie.Notice),
	}
}

// tell tells the shard a record, adds up what it books, and follows what the record says of trades.
func (c *totals) tell(t *testing.T, framed []byte) {
	t.Helper()
	payload, err := sim.Unframe(streams.PotInbox, framed)
	if err != nil {
		t.Fatal(err)
	}
	message, reader := new(inbox.PotMessage), avrobin.NewReader(payload)
	message.DecodeAvro(reader)
	if err := reader.Done(); err != nil {
		t.Fatal(err)
	}
	booked := false
	for _, out := range c.pots.Apply(t, message) {
		if j, ok := out.Value.(*ledger.Journal); ok {
			booked = true
			for i := range j.Postings {
				p := &j.Postings[i]
				c.move(p.From, p.Asset, -p.Quantity)
				c.move(p.To, p.Asset, p.Quantity)
			}
		}
	}
	c.follow(message.Body, booked)
}

func (c *totals) move(account schemas.Account, asset schemas.AssetCode, quantity schemas.Quantity) {
	switch name := string(account); {
	case account == ledger.BankClientMoney, strings.HasSuffix(name, ":units-settled"):
		c.outside[asset] += quantity
	case strings.HasSuffix(name, "-owed"):
		// What is owed stands on neither side, or the two could not differ.
	default:
		c.inside[asset] += quantity
	}
}

func (c *totals) follow(body inbox.PotBody, booked bool) {
	switch b := body.(type) {
	case *inbox.UnitsConfirmed:
		if !booked {
			return // it was refused, or told before
		}
		notice, _ := specie.Of(&b.Confirmation)
		of := deliveryOf{notice.Pot, b.Confirmation.Trade}
		if _, begins := b.Confirmation.Body.(*ingest.UnitsAnnounced); begins {
			c.coming[of] = notice
		} else {
			delete(c.coming, of)
		}
	case *inbox.BatchesConfirmed:
		for i := range b.Priced {
			p := &b.Priced[i]
			c.dealt[p.Trade] = &dealtPart{p.Asset, p.UnitsScale, p.Side == inbox.SideSell, p.WeightBefore, p.WeightThrough, p.Weight, p.GotThrough, p.GivenThrough}
		}
		for i := range b.Settled {
			delete(c.dealt, b.Settled[i].Trade)
		}
		for i := range b.Rejected {
			delete(c.dealt, b.Rejected[i].Trade)
		}
	case *inbox.BatchCorrected:
		if d := c.dealt[b.Trade]; d != nil {
			last := b.Pieces[len(b.Pieces)-1]
			d.got, d.given = last.Got, last.Given
		}
	}
}

// wrong says where the two sides differ.
func (c *totals) wrong() string {
	inside := make(map[schemas.AssetCode]schemas.Quantity)
	for asset, has := range c.inside {
		inside[asset] += has
	}
	for _, d := range c.dealt {
		gotScale, givenScale, gets, gives := d.scale, int32(schemas.MoneyScale), d.asset, schemas.Cash
		if d.sells {
			gotScale, givenScale, gets, gives = givenScale, gotScale, gives, gets
		}
		inside[gets] -= quantity(d.partOf(d.got, false), gotScale)
		inside[gives] += quantity(d.partOf(d.given, true), givenScale)
	}
	for _, announced := range c.coming {
		inside[announced.Asset] -= announced.Units
	}
	var lines []string
	for asset, has := range inside {
		if held := -c.outside[asset]; held != has {
			lines = append(lines, string(asset)+": held outside are "+held.String()+", inside there are "+has.String())
		}
	}
	return strings.Join(lines, "\n")
}

// partOf is the shard's part of an amount: the running sums of the shards' weights, rounded, give it as a difference.
func (d *dealtPart) partOf(amount int64, up bool) int64 {
	through := func(weight int64) int64 {
		product := new(big.Int).Mul(big.NewInt(amount), big.NewInt(weight))
		whole, rest := product.QuoRem(product, big.NewInt(d.whole), new(big.Int))
		if up && rest.Sign() > 0 {
			whole.Add(whole, big.NewInt(1))
		}
		return whole.Int64()
	}
	return through(d.through) - through(d.before)
}

func quantity(quanta int64, scale int32) schemas.Quantity {
	return schemas.Quantity(quanta * schemas.Power10(schemas.QuantityScale-int(scale)))
}

package sim_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
)

// The kinds of messages that a key can be ill at. A sweep that tells of several things is of each of their kinds.
const (
	illAtInstruction = iota
	illAtClose
	illAtFirstPiece
	illAtLaterPiece
	illAtSettlement
	illAtRejection
	illAtTotal
	illAtConfirmation
	illAtFlush
	illAtPrice
	illKinds
)

// kindsOf returns the kinds of a message.
func kindsOf(message any) map[int]bool {
	kinds := make(map[int]bool)
	switch m := message.(type) {
	case *inbox.PotMessage:
		switch body := m.Body.(type) {
		case *inbox.Instructed:
			kinds[illAtInstruction] = true
		case *inbox.DayClosed:
			kinds[illAtClose] = true
		case *inbox.BatchesConfirmed:
			for i := range body.Priced {
				kinds[illAtFirstPiece] = kinds[illAtFirstPiece] || body.Priced[i].Piece == 1
				kinds[illAtLaterPiece] = kinds[illAtLaterPiece] || body.Priced[i].Piece > 1
			}
			kinds[illAtSettlement], kinds[illAtRejection] = len(body.Settled) > 0, len(body.Rejected) > 0
		}
	case *inbox.DealingMessage:
		switch m.Body.(type) {
		case *inbox.ShardTotal:
			kinds[illAtTotal] = true
		case *inbox.Confirmed:
			kinds[illAtConfirmation] = true
		case *inbox.Flush:
			kinds[illAtFlush] = true
		case *inbox.PriceReceived, *inbox.Operated:
			kinds[illAtPrice] = true
		}
	}
	return kinds
}

// clinic makes keys ill, mends them and releases them, at moments that follow from a seed.
type clinic struct {
	*world
	random *rand.Rand
	// ill are the kinds of messages that pots cannot take, by pot; trades are alike for all of them.
	ill map[string]map[int]bool
	// parked counts the keys that were found parked, by kind of illness; failing the releases that came too early.
	failed map[int]int
	// drops lets operators drop instructions.
	drops   bool
	dropped int
	// longest is the most pots that were parked at a time.
	longest int
}

// curesMax is how often everything that is parked is released until somebody gives up.
const curesMax = 20

// trades stands for every key of dealing.
const trades = "trades"

func newClinic(w *world, seed uint64) *clinic {
	c := &clinic{world: w, random: rand.New(rand.NewPCG(seed, 0)), ill: make(map[string]map[int]bool), failed: make(map[int]int)}
	w.Sicken(func(process, key string, message any) bool {
		if process == dealing.Name {
			key = trades
		}
		for kind := range kindsOf(message) {
			if c.ill[key][kind] {
				c.failed[kind]++
				return true
			}
		}
		return false
	})
	return c
}

// fallIll makes one or two pots, or trades, ill at messages of one of the kinds.
func (c *clinic) fallIll(kinds ...int) {
	kind := kinds[c.random.IntN(len(kinds))]
	keys := []string{trades}
	if kind < illAtTotal {
		// The last two are never opened.
		keys = []string{string(history.PotName(c.random.IntN(history.Pots - 2))), string(history.PotName(c.random.IntN(history.Pots - 2)))}
	}
	for _, key := range keys {
		if c.ill[key] == nil {
			c.ill[key] = make(map[int]bool)
		}
		c.ill[key][kind] = true
	}
}

// treat mends some of the ill and releases some of the parked, whether they are well or not.
func (c *clinic) treat() error {
	for p := range history.Pots {
		if c.random.IntN(4) == 0 {
			delete(c.ill, string(history.PotName(p)))
		}
	}
	if c.random.IntN(4) == 0 {
		delete(c.ill, trades)
	}
	return c.release(c.random.IntN(3))
}

// cure mends everybody and releases everything, in whatever order.
func (c *clinic) cure() error {
	clear(c.ill)
	for range curesMax {
		if len(c.Parked(pot.Name))+len(c.Parked(dealing.Name)) == 0 {
			return nil
		}
		if err := c.release(history.Pots); err != nil {
			return err
		}
	}
	return fmt.Errorf("%v and %v stay parked, whatever is done", c.Parked(pot.Name), c.Parked(dealing.Name))
}

// release releases up to so many keys of each process, in whatever order.
func (c *clinic) release(count int) error {
	for _, process := range []string{pot.Name, dealing.Name} {
		keys := c.Parked(process)
		c.longest = max(c.longest, len(keys))
		c.random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		for _, key := range keys[:min(count, len(keys))] {
			c.operate(&ingest.ParkedRelease{Process: process, Key: key})
			if c.random.IntN(2) == 0 {
				if err := c.Run(); err != nil {
					return err
				}
			}
		}
	}
	return c.Run()
}

func (c *clinic) operate(body ingest.OperationBody) {
	c.Send(streams.IngestOperator, "ann", &ingest.Operation{Operator: "ann", ID: fmt.Sprint("unpark", c.Now), Reason: "mended", Body: body})
}

// drop drops an instruction of a parked pot, or asks for what cannot be done: control records, and records that are not there.
func (c *clinic) drop() error {
	keys := c.Parked(pot.Name)
	if !c.drops || len(keys) == 0 {
		return nil
	}
	key := keys[c.random.IntN(len(keys))]
	before := len(c.Topic(streams.AuditRejection)) + len(c.Topic(streams.StatusInstruction))
	shard := streams.PartitionOf(key, c.Shards)
	last := int64(0)
	for _, record := range c.Topic(streams.PotInbox) {
		if record.Partition == shard {
			last = record.Offset
		}
	}
	for offset := max(0, last-5); offset <= last; offset++ {
		c.operate(&ingest.ParkedDrop{Process: pot.Name, Key: key, Offset: offset})
	}
	if err := c.Run(); err != nil {
		return err
	}
	if len(c.Topic(streams.AuditRejection))+len(c.Topic(streams.StatusInstruction)) > before {
		c.dropped++
	}
	return nil
}

// playIll plays the history with illness. On which day an order deals depends on what is told before that day is closed: members' instructions, which
// depend on what they have, and what trades of the days before leave to be dealt. So through the day that is given, on which the last order deals, all
// are well again before a day is closed, and before the next one begins: only then must the outcome be that of a run without illness. Days after it need
// no such care. Where no day is given there is none.
func (c *clinic) playIll(careful schemas.Date, check func()) error {
	c.Interlude = func(moment history.Moment, today schemas.Date) error {
		switch moment {
		case history.AfterDay:
			if today < careful {
				return c.finish(today)
			}
		case history.BeforeAction:
			return c.morning()
		case history.BeforeClose:
			if err := c.Run(); err != nil {
				return err
			}
			if today <= careful {
				if err := c.cure(); err != nil {
					return err
				}
			}
			c.fallIllTonight(3)
			return nil
		case history.AfterStep:
			check()
			return c.evening()
		}
		return nil
	}
	if err := c.Play(); err != nil {
		return err
	}
	return c.finish(history.Monday + schemas.Date(len(c.Days)+history.TailDays))
}

// morning is the time between two instructions.
func (c *clinic) morning() error {
	if c.random.IntN(3) == 0 {
		c.fallIll(illAtInstruction)
	}
	if c.random.IntN(3) > 0 {
		return nil
	}
	for _, do := range []func() error{c.Run, c.drop, c.treat} {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// evening is the time between two steps, in which days are closed, and trades placed, priced, settled and rejected.
func (c *clinic) evening() error {
	if err := c.treat(); err != nil {
		return err
	}
	c.fallIllTonight(4)
	return nil
}

// fallIllTonight makes some ill at what an evening brings.
func (c *clinic) fallIllTonight(most int) {
	for range 1 + c.random.IntN(most) {
		c.fallIll(illAtClose, illAtFirstPiece, illAtLaterPiece, illAtSettlement, illAtRejection, illAtFirstPiece, illAtLaterPiece, illAtRejection)
		if c.random.IntN(4) == 0 {
			c.fallIll(illAtTotal, illAtConfirmation, illAtFlush, illAtPrice)
		}
	}
}

// finish cures everybody and lets custodians answer what they had not been asked before.
func (c *clinic) finish(today schemas.Date) error {
	if err := c.cure(); err != nil {
		return err
	}
	if err := c.Answer(today); err != nil {
		return err
	}
	return c.Answer(today)
}

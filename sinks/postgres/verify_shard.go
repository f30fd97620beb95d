package postgres

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// shardChecks walks one shard's journals in order and checks each against all before it.
type shardChecks struct {
	shard, shards int32
	// end is where the shard's position says that it ends.
	end Position
	// unplaced says that it has no position.
	unplaced bool
	// told is what is called complete.
	told toldComplete
	// sequence, head and recordedAt are those of the journal before.
	sequence   int64
	head       [32]byte
	recordedAt schemas.Instant
	pots       map[schemas.PotID]*potHoldings
	// totals are per asset, in quanta: what running balances say of pots plus the sums of all other accounts' postings.
	totals map[schemas.AssetCode]int64

	// anchors are the hashes that were signed, by sequence number; believed is the last journal of which an incremental check believes them.
	anchors     map[int64]string
	believed    int64
	incremental bool

	opening, numbered, chained, anchored, recorded, complete, progress, placed, legal, running, member, effective, zero Check
	worst                                                                                                               effectiveDip
}

func newShardChecks(shard, shards int32) *shardChecks {
	return &shardChecks{
		shard: shard, shards: shards, pots: map[schemas.PotID]*potHoldings{}, totals: map[schemas.AssetCode]int64{},
		opening:   Check{Name: "opening", Title: "what dropped months left is as it was written when they were dropped", Of: "rows"},
		numbered:  Check{Name: "sequence", Title: "journals are numbered without gaps, from 1 or where dropped months end, and each posting has its journal", Of: "journals"},
		chained:   Check{Name: "chain", Title: "each hash is that of the journal and its predecessor", Of: "journals"},
		anchored:  Check{Name: "anchors", Title: "each journal that was signed as the last of its shard is still there, unchanged", Of: "signed journals"},
		recorded:  Check{Name: "recorded", Title: "recorded time never runs backwards, nor before what was called complete", Of: "journals"},
		complete:  Check{Name: "position", Title: "the last journal is the one that the position names", Of: "shards"},
		progress:  Check{Name: "progress", Title: "what is called complete is booked, is not yet to come, and is not less than was signed", Of: "shards"},
		placed:    Check{Name: "one-pot", Title: "a pot's accounts are in its own journals, in the pot's own shard", Of: "journals"},
		legal:     Check{Name: "postings", Title: "every posting moves a positive quantity between two accounts", Of: "postings"},
		running:   Check{Name: "balances", Title: "every running balance is the sum of the postings before it", Of: "running balances"},
		member:    Check{Name: "not-negative", Title: "no account of a pot is below 0 at the end of any journal", Of: "balances at journals' ends"},
		effective: Check{Name: "not-negative-effective", Title: "no account of a pot is below 0 at the end of any effective day", Of: "balances at days' ends"},
		zero:      Check{Name: "sum-zero", Title: "all accounts of a shard add up to 0, per asset", Of: "assets and shards"},
	}
}

func (c *shardChecks) each(other *shardChecks, fn func(mine, theirs *Check)) {
	mine := [...]*Check{
		&c.opening, &c.numbered, &c.chained, &c.anchored, &c.recorded, &c.complete, &c.progress, &c.placed, &c.legal, &c.running, &c.member, &c.effective,
		&c.zero,
	}
	theirs := [...]*Check{
		&other.opening, &other.numbered, &other.chained, &other.anchored, &other.recorded, &other.complete, &other.progress, &other.placed, &other.legal,
		&other.running, &other.member, &other.effective, &other.zero,
	}
	for i := range mine {
		fn(mine[i], theirs[i])
	}
}

func (c *shardChecks) merge(other *shardChecks) {
	c.each(other, func(mine, theirs *Check) { mine.merge(theirs) })
	if other.worst.balance < c.worst.balance {
		c.worst = other.worst
		c.effective.Note = "worst: " + c.worst.String()
	}
}

// list returns the checks that were made.
func (c *shardChecks) list() []Check {
	var checks []Check
	c.each(c, func(mine, _ *Check) {
		whole := mine == &c.opening && c.opening.Checked == 0
		unsigned := mine == &c.anchored && len(c.anchors) == 0
		partial := c.incremental && (mine == &c.effective || mine == &c.zero)
		if !whole && !unsigned && !partial {
			checks = append(checks, *mine)
		}
	})
	return checks
}

func (c *shardChecks) run(ctx context.Context, snapshot *shardSnapshot, read func(journals int)) error {
	if err := c.loadEnd(ctx, snapshot); err != nil {
		return err
	}
	if err := c.open(ctx, snapshot); err != nil {
		return err
	}
	if err := c.believe(ctx, snapshot); err != nil {
		return err
	}
	first := int64(math.MinInt64)
	if c.incremental {
		first = c.believed + 1
	}
	err := snapshot.windowsFrom(ctx, first, func(current *window) error {
		for i := range current.journals {
			c.journal(&current.journals[i])
		}
		for _, sequence := range current.orphans {
			c.numbered.fail(c.place(sequence), "postings without a journal")
		}
		read(len(current.journals))
		return nil
	})
	c.finish()
	return err
}

func (c *shardChecks) place(sequence int64) string {
	return fmt.Sprintf("shard %d journal %d", c.shard, sequence)
}

func (c *shardChecks) journal(journal *storedJournal) {
	c.numbered.Checked++
	if journal.Sequence != c.sequence+1 {
		c.numbered.fail(c.place(journal.Sequence), "follows on journal %d", c.sequence)
	}
	c.chain(journal)
	c.compareHash(journal.Sequence, journal.Hash[:])
	c.recorded.Checked++
	if journal.RecordedAt < c.recordedAt || journal.month != monthOf(journal.RecordedAt) {
		c.recorded.fail(c.place(journal.Sequence), "recorded at %s, its predecessor at %s", journal.RecordedAt, c.recordedAt)
	} else if sequence, before := c.told.before(journal.Sequence); journal.RecordedAt < before {
		c.recorded.fail(c.place(journal.Sequence), "recorded at %s, but after journal %d all should be from %s on", journal.RecordedAt, sequence, before)
	}
	c.placed.Checked++
	var holdings *potHoldings
	if journal.Pot != nil {
		if streams.PartitionOf(string(*journal.Pot), c.shards) != c.shard {
			c.placed.fail(c.place(journal.Sequence), "pot %s belongs to another shard", *journal.Pot)
		}
		holdings = c.holdings(*journal.Pot)
	}
	for i := range journal.Postings {
		c.posting(journal, holdings, i)
	}
	if holdings != nil {
		c.boundary(journal, holdings)
	}
	c.sequence, c.head, c.recordedAt = journal.Sequence, journal.Hash, journal.RecordedAt
}

// chain checks against the stored hash of the predecessor, so that a change is reported where it is and not at all that follow.
func (c *shardChecks) chain(journal *storedJournal) {
	c.chained.Checked++
	journal.Previous = c.head
	if journal.unknown > 0 {
		c.chained.fail(c.place(journal.Sequence), "%d values in its rows are none that is ever booked", journal.unknown)
		return
	}
	if expected := journal.ExpectedHash(); journal.Hash != expected {
		c.chained.fail(c.place(journal.Sequence), "its hash is %x, its content after its predecessor gives %x", journal.Hash, expected)
	}
}

func (c *shardChecks) posting(journal *storedJournal, holdings *potHoldings, index int) {
	posting := &journal.Postings[index]
	c.legal.Checked++
	if posting.Quantity <= 0 || posting.From == posting.To || int(posting.Leg) != index+1 {
		c.legal.fail(c.leg(journal, posting), "leg %d moves %s %s from %s to %s", index+1, posting.Quantity, posting.Asset, posting.From, posting.To)
	}
	c.side(journal, holdings, posting, posting.From, -posting.Quantity, posting.FromBalance)
	c.side(journal, holdings, posting, posting.To, posting.Quantity, posting.ToBalance)
}

// leg names a posting. Places are written down only where something is wrong with them.
func (c *shardChecks) leg(journal *storedJournal, posting *ledger.Posting) string {
	return fmt.Sprintf("%s leg %d", c.place(journal.Sequence), posting.Leg)
}

// side checks one side of a posting; holdings are those of the journal's pot, if it has one.
func (c *shardChecks) side(
	journal *storedJournal, holdings *potHoldings, posting *ledger.Posting, account schemas.Account, change schemas.Quantity, balance *schemas.Quantity,
) {
	if !ledger.IsPotAccount(account) {
		c.totals[posting.Asset] += int64(change)
		if balance != nil {
			c.running.fail(c.leg(journal, posting), "%s is shared and has a running balance", account)
		}
		return
	}
	if holdings == nil {
		c.placed.fail(c.leg(journal, posting), "%s in a journal of no pot", account)
		return
	}
	held := holdings.of(posting.Asset, account)
	if c.incremental && held.changedIn == 0 && balance != nil {
		held.balance = *balance - change // what it was before is believed
	}
	held.add(change, posting.EffectiveOn, journal.Sequence)
	c.running.Checked++
	if balance == nil || *balance != held.balance {
		c.running.fail(c.leg(journal, posting), "%s of pot %s: stored %v, the postings give %s", account, *journal.Pot, balance, held.balance)
	}
	if balance != nil {
		held.stored = *balance
	}
}

func (c *shardChecks) holdings(pot schemas.PotID) *potHoldings {
	found := c.pots[pot]
	if found == nil {
		found = &potHoldings{}
		c.pots[pot] = found
	}
	return found
}

// boundary checks the balances that the journal changed, as it leaves them.
func (c *shardChecks) boundary(journal *storedJournal, holdings *potHoldings) {
	for i := range holdings.held {
		held := &holdings.held[i]
		if held.changedIn != journal.Sequence {
			continue
		}
		c.member.Checked++
		if held.balance < 0 {
			c.member.fail(c.place(journal.Sequence), "%s of pot %s has %s %s", held.account, *journal.Pot, held.balance, held.asset)
		}
	}
}

// finish checks what can be said at the end only.
func (c *shardChecks) finish() {
	c.complete.Checked++
	if c.unplaced {
		c.complete.fail(fmt.Sprintf("shard %d", c.shard), "it has no position")
	} else if c.sequence != c.end.Sequence || c.head != c.end.Head || c.recordedAt != c.end.RecordedAt {
		c.complete.fail(fmt.Sprintf("shard %d", c.shard), "the last journal is %d (%x), the position says %d (%x)", c.sequence, c.head, c.end.Sequence, c.end.Head)
	}
	c.judgeProgress()
	c.missSigned()
	if c.incremental {
		return
	}
	for _, pot := range slices.Sorted(maps.Keys(c.pots)) {
		for i := range c.pots[pot].held {
			held := &c.pots[pot].held[i]
			c.totals[held.asset] += int64(held.stored)
			c.effectiveDays(pot, held)
		}
	}
	for _, asset := range slices.Sorted(maps.Keys(c.totals)) {
		total := c.totals[asset]
		c.zero.Checked++
		if total != 0 {
			c.zero.fail(fmt.Sprintf("shard %d", c.shard), "%s adds up to %s", asset, schemas.Quantity(total))
		}
	}
	if c.worst.balance < 0 {
		c.effective.Note = "worst: " + c.worst.String()
	}
}

func (c *shardChecks) effectiveDays(pot schemas.PotID, held *holding) {
	dip, days := held.worstDay()
	c.effective.Checked += days
	if dip.balance >= 0 {
		return
	}
	dip.pot, dip.holding = pot, held
	c.effective.fail(fmt.Sprintf("shard %d pot %s", c.shard, pot), "%s", dip)
	if dip.balance < c.worst.balance {
		c.worst = dip
	}
}

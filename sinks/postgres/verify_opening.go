package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// open begins where dropped months end: with their head, and with what they left of each account. It checks that this is what was written then.
func (c *shardChecks) open(ctx context.Context, snapshot *shardSnapshot) error {
	acts, err := loadOpened(ctx, snapshot.tx, c.shard)
	if err != nil || len(acts) == 0 {
		return err
	}
	var before [sha256.Size]byte
	for i := range acts {
		o := &acts[i]
		place := fmt.Sprintf("shard %d opening %d", c.shard, o.Act)
		c.opening.Checked += int64(1 + len(o.balances) + len(o.orders) + len(o.trades))
		if digest := o.sum(before); digest != o.digest {
			c.opening.fail(place, "its digest is %x, its rows give %x", o.digest, digest)
		}
		if o.unwritten > 0 {
			c.opening.fail(place, "%d of its times have parts of a millisecond, or are endless: no act writes such", o.unwritten)
		}
		if int(o.Act) != i+1 || o.Last < o.First || i > 0 && o.First <= acts[i-1].Last || o.sequence < c.sequence {
			c.opening.fail(place, "%s to %s, through journal %d, after journal %d", o.First, o.Last, o.sequence, c.sequence)
		}
		before, c.sequence, c.head, c.recordedAt = o.digest, o.sequence, o.head, o.recordedAt
		if !c.incremental {
			c.carry(o)
		}
	}
	c.boundaryOfOpening(len(acts))
	c.anchorsOfOpening()
	return nil
}

// carry begins with what an act left of each account.
func (c *shardChecks) carry(o *openedShard) {
	for i := range o.balances {
		b := &o.balances[i]
		if b.pot == "" {
			c.totals[b.asset] += int64(b.quantity)
			continue
		}
		held := c.holdings(b.pot).of(b.asset, b.account)
		held.add(b.quantity, b.effectiveOn, o.sequence)
		held.stored = held.balance
	}
}

// boundaryOfOpening checks the balances of pots that the ledger begins with.
func (c *shardChecks) boundaryOfOpening(acts int) {
	for _, pot := range slices.Sorted(maps.Keys(c.pots)) {
		for i := range c.pots[pot].held {
			held := &c.pots[pot].held[i]
			c.member.Checked++
			if held.balance < 0 {
				c.member.fail(fmt.Sprintf("shard %d opening %d", c.shard, acts), "%s of pot %s has %s %s", held.account, pot, held.balance, held.asset)
			}
		}
	}
}

// anchorsOfOpening compares the head of the opening with what was signed of it. Of the journals before it only the archives can tell.
func (c *shardChecks) anchorsOfOpening() {
	c.compareHash(c.sequence, c.head[:])
	inArchives := 0
	for sequence := range c.anchors {
		if sequence > 0 && sequence < c.sequence {
			delete(c.anchors, sequence)
			inArchives++
		}
	}
	if inArchives > 0 {
		c.anchored.Note = "heads of dropped months are signed too: penstock ledger verify --archive compares the archives with them"
	}
}

// signOpenings has an anchor tell what dropped months left.
func signOpenings(ctx context.Context, tx pgx.Tx, a *anchor.Anchor) error {
	acts, err := loadDropped(ctx, tx)
	if err != nil || len(acts) == 0 {
		return err
	}
	digests, err := openingDigests(ctx, tx)
	if err != nil {
		return fmt.Errorf("reading what dropped months left: %w", err)
	}
	for i := range acts {
		a.Openings = append(a.Openings, anchor.Opening{Act: acts[i].Act, Months: acts[i].First.String() + "/" + acts[i].Last.String(), Digest: digests[acts[i].Act]})
	}
	return nil
}

func signsOpenings(anchors []anchor.Anchor) bool {
	return slices.ContainsFunc(anchors, func(a anchor.Anchor) bool { return len(a.Openings) > 0 })
}

// signedOpenings compares what dropped months left with what was signed of it: who may change every row can write a digest that fits them.
func signedOpenings(anchors []anchor.Anchor) func(context.Context, pgx.Tx) (Check, error) {
	return func(ctx context.Context, tx pgx.Tx) (Check, error) {
		check := Check{Name: "signed-openings", Title: "what dropped months left is what was signed of it", Of: "signed openings"}
		var now anchor.Anchor
		if err := signOpenings(ctx, tx, &now); err != nil {
			return check, err
		}
		for i := range anchors {
			for _, signed := range anchors[i].Openings {
				check.Checked++
				if !slices.Contains(now.Openings, signed) {
					check.fail(fmt.Sprintf("opening %d", signed.Act), "signed of %s was %s; the ledger has %+v", signed.Months, signed.Digest, now.Openings)
				}
			}
		}
		return check, nil
	}
}

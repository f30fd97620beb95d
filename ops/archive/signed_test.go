package archive_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/ops/archive"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// signedAt is an anchor of the chains at the journals of that index; -1 is the one before the first.
func signedAt(all [][]ledger.Journal, index int) anchor.Anchor {
	a := anchor.Anchor{Cluster: "cluster", TakenAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	for shard, journals := range all {
		head := anchor.Head{Shard: int32(shard), Hash: hex.EncodeToString(make([]byte, len(ledger.Hash{})))}
		switch {
		case len(journals) == 0:
		case index < 0:
			head.Sequence, head.Hash, head.RecordedAt = journals[0].Sequence-1, hex.EncodeToString(journals[0].Previous[:]), recorded(-1).Time()
		default:
			j := &journals[index]
			head.Sequence, head.Hash, head.RecordedAt = j.Sequence, hex.EncodeToString(j.Hash[:]), j.RecordedAt.Time()
		}
		a.Heads = append(a.Heads, head)
	}
	return a
}

// older is the anchor as it was signed before heads had times.
func older(a anchor.Anchor) anchor.Anchor {
	for i := range a.Heads {
		a.Heads[i].RecordedAt = time.Time{}
	}
	return a
}

// remade makes the chains anew from an index on: each journal has another cause, and all fit together.
func remade(all [][]ledger.Journal, index int) [][]ledger.Journal {
	for shard := range all {
		for i := index; i < len(all[shard]); i++ {
			j := &all[shard][i]
			previous := j.Previous
			if i > 0 {
				previous = all[shard][i-1].Hash
			}
			j.Cause = "another"
			j.Link(j.Sequence, previous)
		}
	}
	return all
}

func TestWhatWasSignedIsMetOrLiesInOtherMonths(t *testing.T) {
	all := chains()
	for name, c := range map[string]struct {
		from, to            int
		anchors             []anchor.Anchor
		anchored, undecided int
		unsigned            int64
	}{
		"all":                             {0, 4, []anchor.Anchor{signedAt(all, 1), signedAt(all, 3)}, 4, 0, 0},
		"none":                            {0, 4, nil, 0, 0, 8},
		"some journals follow":            {0, 4, []anchor.Anchor{signedAt(all, -1), signedAt(all, 1)}, 4, 0, 4},
		"a head lies after the months":    {0, 2, []anchor.Anchor{signedAt(all, 0), signedAt(all, 3)}, 2, 0, 2},
		"a head lies before the months":   {2, 4, []anchor.Anchor{signedAt(all, 0), signedAt(all, 3)}, 2, 0, 0},
		"at the very end of those before": {2, 4, []anchor.Anchor{signedAt(all, 1)}, 2, 0, 4},
		"heads without times":             {0, 2, []anchor.Anchor{older(signedAt(all, 1)), older(signedAt(all, 3))}, 2, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := archive.Verify([]string{written(t, all, c.from, c.to)}, c.anchors)
			if err != nil {
				t.Fatal(err)
			}
			if found.Anchored != c.anchored || found.Undecided != c.undecided || found.Unsigned != c.unsigned || found.Journals != int64(2*(c.to-c.from)) {
				t.Errorf("%d heads met, %d undecided, %d journals of %d unsigned", found.Anchored, found.Undecided, found.Unsigned, found.Journals)
			}
		})
	}
}

// TestSignedJournalsThatAreGoneAreMissed holds archives that fit in themselves against what was signed of the ledger that they should be of.
func TestSignedJournalsThatAreGoneAreMissed(t *testing.T) {
	all := chains()
	before, second, last := signedAt(all, -1), signedAt(all, 1), signedAt(all, 3)
	elsewhere, fewer := signedAt(all, 1), signedAt(all, 1)
	elsewhere.Cluster, fewer.Heads = "another", fewer.Heads[:2]
	without := func(shard, from, to int) [][]ledger.Journal {
		cut := chains()
		cut[shard] = cut[shard][from:to]
		return cut
	}
	for name, c := range map[string]struct {
		all     [][]ledger.Journal
		anchors []anchor.Anchor
		says    string
	}{
		"a cut tail":                      {without(1, 0, 3), []anchor.Anchor{second, last}, "journal 9 of shard 1, recorded in 2008-06, was signed and is not there"},
		"a cut beginning":                 {without(1, 1, 4), []anchor.Anchor{signedAt(all, 0), last}, "journal 6 of shard 1, recorded in 2008-03, was signed"},
		"a cut beginning, farther":        {without(1, 2, 4), []anchor.Anchor{signedAt(all, 0), last}, "journal 6 of shard 1, recorded in 2008-03, was signed"},
		"a shard without its journals":    {without(1, 0, 0), []anchor.Anchor{second}, "journal 7 of shard 1"},
		"a chain made anew":               {remade(chains(), 0), []anchor.Anchor{second}, "what was signed of it"},
		"a chain made anew before a head": {remade(chains(), 1), []anchor.Anchor{last}, "what was signed of it"},
		"another cluster":                 {all, []anchor.Anchor{second, elsewhere}, `of cluster "another" with 3 shards`},
		"fewer shards":                    {all, []anchor.Anchor{fewer}, "with 2 shards, the archive of \"cluster\" with 3"},
		"nothing signed in these months":  {without(0, 0, 4)[:1], []anchor.Anchor{{Cluster: "cluster", Heads: last.Heads[2:]}}, "nothing signed vouches for them"},
		"two words for one journal":       {all, []anchor.Anchor{second, signedAt(remade(chains(), 0), 1)}, "contradict"},
		"another beginning":               {beginning(remade(chains(), 0)), []anchor.Anchor{before, last}, "journal 5 of shard 0 has the hash"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := written(t, c.all, 0, 4)
			if _, err := archive.Verify([]string{dir}, nil); err != nil && c.says != "nothing signed vouches for them" {
				t.Fatalf("it shows without anchors: %v", err)
			}
			if found, err := archive.Verify([]string{dir}, c.anchors); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("found %+v, %v", found, err)
			}
		})
	}
}

// beginning makes the chains anew after other journals than there were.
func beginning(all [][]ledger.Journal) [][]ledger.Journal {
	for _, journals := range all {
		if len(journals) > 0 {
			journals[0].Previous = ledger.Hash{0xff}
			journals[0].Link(journals[0].Sequence, journals[0].Previous)
		}
	}
	return remade(all, 1)
}

// TestHeadsWithoutTimesDecideLess: a head of an older program that lies beyond cannot be told from one that came later, but some must be met.
func TestHeadsWithoutTimesDecideLess(t *testing.T) {
	all := chains()
	late := []anchor.Anchor{older(signedAt(all, 3))}
	if _, err := archive.Verify([]string{written(t, all, 0, 2)}, late); err == nil || !strings.Contains(err.Error(), "nothing signed vouches") {
		t.Errorf("no head lies in the months: %v", err)
	}
	found, err := archive.Verify([]string{written(t, all, 0, 3)}, append(late, signedAt(all, 1)))
	if err != nil || found.Undecided != 2 || found.Unsigned != 2 {
		t.Errorf("found %+v, %v", found, err)
	}
}

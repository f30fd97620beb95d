package archive

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// Verified is what Verify found right.
type Verified struct {
	Archives []*Manifest `json:"archives"`
	Journals int64       `json:"journals"`
	// Anchored counts the signed heads that were met. Unsigned counts the journals after the last such head of their shard: of these nothing that was signed
	// speaks.
	Anchored int   `json:"anchored"`
	Unsigned int64 `json:"unsigned"`
	// Undecided counts signed heads that the archives do not reach, and that were signed without their recorded time: whether the archives should have them
	// cannot be said.
	Undecided int `json:"undecided"`
	// Events counts the events of trades. AnchoredEvents counts what was signed of them and was met, UnsignedEvents those after the last of these,
	// UndecidedEvents what was signed of them that the archives do not reach, and without a recorded time: whether they should have it cannot be said.
	Events          int64 `json:"events"`
	AnchoredEvents  int   `json:"anchoredEvents"`
	UnsignedEvents  int64 `json:"unsignedEvents"`
	UndecidedEvents int   `json:"undecidedEvents"`
}

// Verify checks archives, in their order, without a database: each in itself, each against the one before it, and all against anchors, where there are any. It
// returns an ErrNotIntact that names the archive and the place.
func Verify(dirs []string, anchors []anchor.Anchor) (*Verified, error) {
	found := &Verified{}
	signed, err := newSigned(anchors)
	if err != nil {
		return nil, err
	}
	trades, err := newSignedTrades(anchors)
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		m, err := ReadManifest(dir)
		if err == nil {
			err = signed.begin(m, found.Archives)
		}
		if err == nil {
			err = trades.begin(m)
		}
		if err == nil {
			m, err = read(dir, func(j *ledger.Journal) error {
				found.Journals++
				return signed.meet(j.Shard, j.Sequence, hex.EncodeToString(j.Hash[:]))
			}, trades.add)
		}
		if err != nil {
			return nil, fmt.Errorf("verifying %s: %w", dir, err)
		}
		found.Archives = append(found.Archives, m)
	}
	if err := errors.Join(signed.end(found), trades.end(found)); err != nil {
		return nil, err
	}
	return found, nil
}

// signed are the heads of anchors, and which of them were met.
type signed struct {
	anchors []anchor.Anchor
	// heads are by shard and number, those that were not met yet; met is the last number that was, by shard.
	heads map[int32]map[int64]anchor.Head
	met   map[int32]int64
	count int
}

func newSigned(anchors []anchor.Anchor) (*signed, error) {
	s := &signed{anchors: anchors, heads: make(map[int32]map[int64]anchor.Head), met: make(map[int32]int64)}
	for i := range anchors {
		for _, head := range anchors[i].Heads {
			of := s.heads[head.Shard]
			if of == nil {
				of = make(map[int64]anchor.Head)
				s.heads[head.Shard] = of
			}
			if before, ok := of[head.Sequence]; ok && before.Hash != head.Hash {
				return nil, fmt.Errorf("the anchors contradict each other: journal %d of shard %d has the hash %s and later %s",
					head.Sequence, head.Shard, before.Hash, head.Hash)
			} else if ok && !before.RecordedAt.IsZero() {
				continue // an anchor of an older program after a newer one's knows less
			}
			of[head.Sequence] = head
		}
	}
	return s, nil
}

// meet compares a journal with what was signed of it, if anything was.
func (s *signed) meet(shard int32, sequence int64, hash string) error {
	head, ok := s.heads[shard][sequence]
	if !ok {
		return nil
	}
	if head.Hash != hash {
		return fmt.Errorf("%w: journal %d of shard %d has the hash %s, what was signed of it is %s", ErrNotIntact, sequence, shard, hash, head.Hash)
	}
	delete(s.heads[shard], sequence)
	s.met[shard] = max(s.met[shard], sequence)
	if sequence > 0 {
		s.count++
	}
	return nil
}

// begin compares an archive with those before it and its system with that of the anchors; of the first, also the hashes that it goes on after.
func (s *signed) begin(m *Manifest, before []*Manifest) error {
	for i := range s.anchors {
		if a := &s.anchors[i]; a.Cluster != m.Cluster || len(a.Heads) != len(m.Shards) {
			return fmt.Errorf("%w: the anchor of %s is of cluster %q with %d shards, the archive of %q with %d", ErrNotIntact,
				a.TakenAt.Format(time.RFC3339), a.Cluster, len(a.Heads), m.Cluster, len(m.Shards))
		}
	}
	if len(before) > 0 {
		return m.Follows(before[len(before)-1])
	}
	for _, shard := range m.Shards {
		if at := s.heads[shard.Shard][shard.Before].RecordedAt; !at.IsZero() && monthOf(schemas.InstantOf(at)) >= m.First {
			return s.missing(shard.Shard, shard.Before, shard.Before, shard.Through)
		}
		if err := s.meet(shard.Shard, shard.Before, shard.Previous); err != nil {
			return err
		}
	}
	return nil
}

func (s *signed) missing(shard int32, sequence, before, through int64) error {
	return fmt.Errorf("%w: journal %d of shard %d, recorded in %s, was signed and is not there; the shard has those after %d through %d",
		ErrNotIntact, sequence, shard, monthOf(schemas.InstantOf(s.heads[shard][sequence].RecordedAt)), before, through)
}

// end looks at the heads that were not met. One whose journal was recorded in the months of the archives is missing there; the others lie before or after
// them, if they name their time.
func (s *signed) end(found *Verified) error {
	found.Anchored = s.count
	first, last := found.Archives[0], found.Archives[len(found.Archives)-1]
	var failed []error
	for i := range last.Shards {
		shard, before, through := last.Shards[i].Shard, first.Shards[i].Before, last.Shards[i].Through
		undecided := 0
		for _, sequence := range slices.Sorted(maps.Keys(s.heads[shard])) {
			at := s.heads[shard][sequence].RecordedAt
			switch month := monthOf(schemas.InstantOf(at)); {
			case sequence == 0:
			case at.IsZero():
				undecided++
			case month >= first.First && month <= last.Last:
				failed = append(failed, s.missing(shard, sequence, before, through))
			}
		}
		met, ok := s.met[shard]
		// That nothing was booked yet is signed too; it decides only together with the times of the heads that came later.
		if len(s.anchors) > 0 && through > before && (!ok || met == 0 && undecided > 0) {
			failed = append(failed, fmt.Errorf("%w: of shard %d no head from journal %d through %d was signed, so nothing signed vouches for them",
				errUnsigned, shard, before, through))
		}
		found.Undecided += undecided
		found.Unsigned += through - max(met, before)
	}
	return errors.Join(failed...)
}

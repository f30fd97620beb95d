package archive

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// signedTrades are what anchors tell of trades, by the offset of the last event, those that were not met yet. Events carry no hash of their own: nothing else
// that was signed speaks of them.
type signedTrades struct {
	told map[int64]anchor.Trades
	// until are the times by which those events were recorded, where that was signed.
	until map[int64]time.Time
	// begun says that some archive has trades, before and through what those that have them begin after and come to.
	begun           bool
	before, through anchor.Trades
	// met is the last that was.
	met   anchor.Trades
	count int
}

func newSignedTrades(anchors []anchor.Anchor) (*signedTrades, error) {
	s := &signedTrades{told: make(map[int64]anchor.Trades), until: make(map[int64]time.Time)}
	for i := range anchors {
		if t := anchors[i].Trades; t != nil {
			if before, ok := s.told[t.Through]; ok && before != *t {
				return nil, fmt.Errorf("the anchors contradict each other: of trades they say %+v and later %+v", before, *t)
			}
			s.told[t.Through] = *t
			if until := anchors[i].TradesUntil; !until.IsZero() { // an anchor of an older program after a newer one's knows less
				s.until[t.Through] = until
			}
		}
	}
	return s, nil
}

// begin takes in what an archive says of trades. The first that has them goes on after events that it does not have.
func (s *signedTrades) begin(m *Manifest) error {
	if m.Trades == nil {
		return nil
	}
	s.through = m.Trades.Through
	if s.begun {
		return nil // and follows on the one before
	}
	s.begun, s.before, s.met = true, m.Trades.Before, m.Trades.Before
	if until := s.until[s.before.Through]; !until.IsZero() && monthOf(schemas.InstantOf(until)) >= m.First {
		return s.missing(s.before.Through)
	}
	return s.meet(m.Trades.Before)
}

// add compares what events have come to with what was signed up to there.
func (s *signedTrades) add(_ *postgres.TradeEvent, come anchor.Trades) error { return s.meet(come) }

func (s *signedTrades) meet(come anchor.Trades) error {
	told, ok := s.told[come.Through]
	if !ok {
		return nil
	}
	if told != come {
		return fmt.Errorf("%w: the events of trades up to offset %d are %d with the digest %s, signed were %d with %s",
			ErrNotIntact, come.Through, come.Events, come.Digest, told.Events, told.Digest)
	}
	delete(s.told, come.Through)
	s.met = come
	if come.Events > 0 {
		s.count++
	}
	return nil
}

func (s *signedTrades) missing(through int64) error {
	recorded := ""
	if until := s.until[through]; !until.IsZero() {
		recorded = fmt.Sprintf(", recorded by %s,", monthOf(schemas.InstantOf(until)))
	}
	return fmt.Errorf("%w: the event of a trade at offset %d%s was signed and is not there; if the ledger was told of it after the months were exported, export them again",
		ErrNotIntact, through, recorded)
}

// end looks at what was signed and was not met. Where the last of its events was recorded in the months of the archives, events are missing there; what else
// was signed lies before or after them, if it names that time: an archive has the events from the first on that was recorded in its months, up to the first
// that was recorded later.
func (s *signedTrades) end(found *Verified) error {
	events := s.through.Events - s.before.Events
	found.Events, found.AnchoredEvents, found.UnsignedEvents = events, s.count, s.through.Events-s.met.Events
	first, last := found.Archives[0].First, found.Archives[len(found.Archives)-1].Last
	for _, through := range slices.Sorted(maps.Keys(s.told)) {
		until := s.until[through]
		month := monthOf(schemas.InstantOf(until))
		switch {
		case through < 0: // there were none yet
		case s.begun && through > s.before.Through && through < s.through.Through:
			return s.missing(through)
		case until.IsZero():
			found.UndecidedEvents++
		case month >= first && month <= last:
			return s.missing(through)
		}
	}
	if events > 0 && s.count == 0 && found.UndecidedEvents > 0 {
		return fmt.Errorf("%w: of the events of trades from offset %d through %d nothing was signed, so nothing signed vouches for them",
			errUnsigned, s.before.Through+1, s.through.Through)
	}
	return nil
}

package archive

import (
	"fmt"
	"maps"
	"slices"

	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// signedTrades are what anchors tell of trades, by the offset of the last event, those that were not met yet. Events carry no hash of their own: nothing else
// that was signed speaks of them.
type signedTrades struct {
	told map[int64]anchor.Trades
	// begun says that some archive has trades, before and through what those that have them begin after and come to.
	begun           bool
	before, through anchor.Trades
	// met is the last that was.
	met   anchor.Trades
	count int
}

func newSignedTrades(anchors []anchor.Anchor) (*signedTrades, error) {
	s := &signedTrades{told: make(map[int64]anchor.Trades)}
	for i := range anchors {
		if t := anchors[i].Trades; t != nil {
			if before, ok := s.told[t.Through]; ok && before != *t {
				return nil, fmt.Errorf("the anchors contradict each other: of trades they say %+v and later %+v", before, *t)
			}
			s.told[t.Through] = *t
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

// end looks for what was signed within the archives and was not met.
func (s *signedTrades) end(found *Verified) error {
	if !s.begun {
		return nil
	}
	found.Events = s.through.Events - s.before.Events
	found.AnchoredEvents, found.UnsignedEvents = s.count, s.through.Events-s.met.Events
	for _, through := range slices.Sorted(maps.Keys(s.told)) {
		if through > s.before.Through && through < s.through.Through {
			return fmt.Errorf("%w: the event of a trade at offset %d was signed and is not there", ErrNotIntact, through)
		}
	}
	return nil
}

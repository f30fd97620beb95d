package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// errForgotten says that a number was dropped from memory after the batch asked for it. Booking again asks again.
var errForgotten = errors.New("the number of a code is no longer in memory")

// rowNumbers are the numbers of the codes of some journals, in the order of their rows.
type rowNumbers struct {
	journals []journalNumbers
	postings []postingNumbers
}

type journalNumbers struct {
	source       int32
	topic, rules int16
}

// postingNumbers has no trade, 0, where the posting has none.
type postingNumbers struct {
	trade int32
	move  int16
}

// numbersOf returns the numbers of all codes of the journals, after giving one to each that has none yet. It returns a *TripwireError for a posting that
// counts an asset in other quanta than the ledger does.
func (c *codes) numbersOf(ctx context.Context, pool *pgxpool.Pool, journals []ledger.Journal) (*rowNumbers, error) {
	numbers, complete, err := c.known(journals)
	if err != nil || complete {
		return numbers, err
	}
	if err := c.number(ctx, pool, c.missing(journals)); err != nil {
		return nil, err
	}
	if numbers, complete, err = c.known(journals); err == nil && !complete {
		err = errForgotten
	}
	return numbers, err
}

// known returns the numbers that are known, and whether these are all.
func (c *codes) known(journals []ledger.Journal) (numbers *rowNumbers, complete bool, err error) {
	count := 0
	for i := range journals {
		count += len(journals[i].Postings)
	}
	numbers = &rowNumbers{journals: make([]journalNumbers, len(journals)), postings: make([]postingNumbers, 0, count)}
	complete = true
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	for i := range journals {
		journal := &journals[i]
		n := journalNumbers{source: c.sources[journal.Source], topic: c.topics[journal.Topic], rules: c.rules[journal.Rules]}
		complete = complete && n.source != 0 && n.topic != 0 && n.rules != 0
		numbers.journals[i] = n
		for k := range journal.Postings {
			posting := &journal.Postings[k]
			does, known := c.moves[moveOf(posting)]
			if known && does.scale != posting.Scale {
				return nil, false, wrongScale(journal, posting, does.scale)
			}
			n := postingNumbers{move: does.id}
			if posting.Trade != nil {
				n.trade = c.trades[*posting.Trade]
				known = known && n.trade != 0
			}
			complete = complete && known
			numbers.postings = append(numbers.postings, n)
		}
	}
	return numbers, complete, nil
}

func wrongScale(journal *ledger.Journal, posting *ledger.Posting, scale int32) error {
	return &TripwireError{
		Reason: ReasonScale, Topic: streams.LedgerJournal, Partition: journal.Shard, Sequence: journal.Sequence,
		Detail: fmt.Sprintf("leg %d: %s has scale %d, not %d", posting.Leg, posting.Asset, scale, posting.Scale),
	}
}

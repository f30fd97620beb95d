package postgres

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// TradeDigest works out of events of trades, the first of all on, what anchors sign of them. It says of events that were read elsewhere whether they are those
// that were signed.
type TradeDigest struct{ told toldTrades }

// NewTradeDigest begins before the first event.
func NewTradeDigest() *TradeDigest { return &TradeDigest{toldTrades{through: -1}} }

// Add takes the next event.
func (d *TradeDigest) Add(event *TradeEvent) { d.told.add(event.Offset, wordsOf(event)) }

// Come returns what the events so far come to.
func (d *TradeDigest) Come() anchor.Trades { return d.told.signed() }

// GoOn begins after events that have come to this. It returns an error where the digest is none.
func (d *TradeDigest) GoOn(after anchor.Trades) error { return d.told.goOn(&after) }

// How toldSQL writes days and times: to_char's AD stands in each, for no event is older.
const (
	toldDay  = "2006-01-02 AD"
	toldTime = toldDay + " 15:04:05.000000"
)

// wordsOf are the words of an event as toldSQL has them, of which nil is one that is missing.
func wordsOf(e *TradeEvent) []*string {
	var words []*string
	say := func(texts ...string) {
		for _, text := range texts {
			words = append(words, &text)
		}
	}
	quanta := func(q schemas.Quantity, scale int) string {
		n, exact := q.Quanta(scale)
		if !exact { // nothing like it is booked, and so it must not come to what was signed
			return q.String()
		}
		return number(n)
	}
	orderedAsset := e.Asset
	if e.Basis == ledger.TradeBasisCash {
		orderedAsset = schemas.Cash
	}
	say(e.ID.String(), e.Trade.Trade.String(), e.Event, e.RecordedAt.Time().UTC().Format(toldTime), e.Day.Time().Format(toldDay),
		string(e.Custodian), string(e.Asset), number(e.UnitsScale), e.Side.String(), quanta(e.Ordered, orderedScale(e)), string(orderedAsset), number(e.Orders), hex.EncodeToString(e.Root[:]),
		e.SettlesOn.Time().Format(toldDay), number(e.Piece), strconv.FormatBool(e.Final), quanta(e.Cash, schemas.MoneyScale), quanta(e.Units, int(e.UnitsScale)))
	if e.Price != nil {
		say(number(*e.Price))
	} else {
		words = append(words, nil)
	}
	say(number(e.PriceVersion))
	if e.SettledOn != nil {
		say(e.SettledOn.Time().Format(toldDay))
	} else {
		words = append(words, nil)
	}
	say(e.Confirmation, e.Reason)
	for i := range e.Shards {
		part := &e.Shards[i]
		say(strings.Join([]string{number(part.Shard), quanta(part.Weight, orderedScale(e)), number(part.Orders), hex.EncodeToString(part.Root[:])}, " "))
	}
	return words
}

func number[T ~int32 | ~int64](n T) string { return strconv.FormatInt(int64(n), 10) }

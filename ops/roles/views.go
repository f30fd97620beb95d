package roles

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// PriceView is a close as dealing knows it.
type PriceView struct {
	Asset    schemas.AssetCode `json:"asset"`
	Date     string            `json:"date"`
	Price    string            `json:"price"`
	Version  int32             `json:"version"`
	Released bool              `json:"released"`
}

// Prices returns the closes that dealing knows, by asset and date. One that is not released waits for an operator.
func (i *Instance) Prices(ctx context.Context) ([]PriceView, error) {
	stored, err := i.DealingReference(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]PriceView, 0, len(stored.Prices))
	for _, p := range stored.Prices {
		views = append(views, PriceView{p.Asset, p.Date.String(), p.Price.String(), p.Version, p.Released})
	}
	return views, nil
}

func (i *Instance) servePrices(w http.ResponseWriter, r *http.Request) {
	views, err := i.Prices(r.Context())
	if err != nil {
		fail(w, statusOf(err), err)
		return
	}
	answer(w, http.StatusOK, views)
}

// TradeView is an external trade with what became of it so far.
type TradeView struct {
	Trade     string              `json:"trade"`
	Day       string              `json:"day"`
	Custodian schemas.CustodianID `json:"custodian"`
	Asset     schemas.AssetCode   `json:"asset"`
	Side      string              `json:"side"`
	Ordered   string              `json:"ordered"`
	Orders    int64               `json:"orders"`
	Status    string              `json:"status"`
	Pieces    int                 `json:"pieces"`
	Cash      string              `json:"cash"`
	Units     string              `json:"units"`
	Price     string              `json:"price,omitempty"`
	SettlesOn string              `json:"settles_on"`
	SettledOn string              `json:"settled_on,omitempty"`
	Root      string              `json:"root"`
	Reason    string              `json:"reason,omitempty"`
	day       schemas.Date
	// failed is why its settlement failed last, empty where none did.
	failed string
	// pieces are what each came to, as it was last told: a correction tells of a piece anew.
	pieces []dealt
}

// dealt is what one piece of a trade moved.
type dealt struct{ cash, units schemas.Quantity }

// anyDay asks for the trades of all days.
const anyDay schemas.Date = -1 << 31

// Trades returns the external trades of a dealing day, as published so far, by asset and side.
func (i *Instance) Trades(ctx context.Context, day schemas.Date) ([]TradeView, error) {
	byID := make(map[schemas.ID]*TradeView)
	err := feed.ReadToEnd(ctx, i.config.Connection, streams.LedgerTrade, func(record feed.Record) error {
		payload, err := i.registry.Unframe(ctx, streams.LedgerTrade, record.Value)
		if err != nil {
			return err
		}
		event := ledger.Trade{}
		r := avrobin.NewReader(payload)
		event.DecodeAvro(r)
		if err := r.Done(); err != nil {
			return err
		}
		if day == anyDay || event.Day == day {
			byID[event.Trade] = byID[event.Trade].after(&event)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading external trades: %w", err)
	}
	trades := make([]TradeView, 0, len(byID))
	for _, t := range byID {
		trades = append(trades, *t)
	}
	slices.SortFunc(trades, func(a, b TradeView) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.Asset, b.Asset), cmp.Compare(a.Custodian, b.Custodian), cmp.Compare(a.Side, b.Side),
			cmp.Compare(a.Trade, b.Trade)) // sells by units and for cash are two trades
	})
	return trades, nil
}

// after returns the trade after one more event; the first one founds it.
func (t *TradeView) after(e *ledger.Trade) *TradeView {
	if t == nil {
		t = &TradeView{
			Trade: e.Trade.String(), Day: e.Day.String(), Custodian: e.Custodian, Asset: e.Asset, Side: e.Side.String(),
			Ordered: e.Ordered.String(), Orders: e.Orders, SettlesOn: e.SettlesOn.String(), Root: fmt.Sprintf("%x", e.Root), day: e.Day,
		}
	}
	switch e.Event {
	case "rest-carried", "broken", "mended", "settlement-failed", "corrected":
		// They say something of the trade, and not how far it is.
	default:
		t.Status = e.Event
	}
	switch e.Event {
	case "settlement-failed":
		t.failed = e.Reason
	case "priced":
		t.Pieces++
		t.pieces = append(t.pieces, dealt{e.Cash, e.Units})
	case "corrected":
		if n := int(e.Piece); n >= 1 && n <= len(t.pieces) {
			t.pieces[n-1] = dealt{e.Cash, e.Units}
		}
	}
	sum := dealt{}
	for _, p := range t.pieces {
		sum.cash += p.cash
		sum.units += p.units
	}
	t.Cash, t.Units = sum.cash.String(), sum.units.String()
	if e.Price != nil {
		t.Price = e.Price.String()
	}
	if e.SettledOn != nil {
		t.SettledOn = e.SettledOn.String()
	}
	if e.Reason != "" {
		t.Reason = e.Reason
	}
	return t
}

func (i *Instance) serveTrades(w http.ResponseWriter, r *http.Request) {
	day := anyDay
	if text := r.URL.Query().Get("day"); text != "" {
		var err error
		if day, err = schemas.ParseDate(text); err != nil {
			fail(w, http.StatusBadRequest, fmt.Errorf("day %q: %w; write it as 2008-03-20", text, err))
			return
		}
	}
	trades, err := i.Trades(r.Context(), day)
	if err != nil {
		fail(w, statusOf(err), err)
		return
	}
	answer(w, http.StatusOK, trades)
}

func (i *Instance) serveClock(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, i.clockStatus())
}

// CloseRequest asks to close a day; see Instance.CloseDay.
type CloseRequest struct {
	Date     string `json:"date"`
	NoPrices bool   `json:"no_prices,omitempty"`
}

// closeTimeMax bounds a request to close a day.
const closeTimeMax = 10 * time.Minute

func (i *Instance) serveClose(w http.ResponseWriter, r *http.Request) {
	var request CloseRequest
	if !question(w, r, &request) {
		return
	}
	date, err := schemas.ParseDate(request.Date)
	if err != nil {
		fail(w, http.StatusBadRequest, fmt.Errorf("date %q: %w; write it as 2008-03-20", request.Date, err))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), closeTimeMax)
	defer cancel()
	closed, err := i.CloseDay(ctx, date, !request.NoPrices)
	if err != nil {
		fail(w, statusOf(err), err)
		return
	}
	answer(w, http.StatusOK, closed)
}

// AdvanceRequest asks to move the simulated clock to a time.
type AdvanceRequest struct {
	To time.Time `json:"to"`
}

func (i *Instance) serveAdvance(w http.ResponseWriter, r *http.Request) {
	var request AdvanceRequest
	if !question(w, r, &request) {
		return
	}
	if err := i.Advance(r.Context(), request.To); err != nil {
		fail(w, statusOf(err), err)
		return
	}
	answer(w, http.StatusOK, i.clockStatus())
}

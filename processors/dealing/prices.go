package dealing

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// pricesPerAssetMax is how many closes of an asset are kept; fills of older days are not confirmed any more.
const pricesPerAssetMax = 60

// All prices together take so many bytes, for they are kept in one record with the reference data: beyond that the oldest are forgotten.
const (
	pricesBytesMax = 400 << 10
	// priceBytesMax is what a price takes besides its asset's code.
	priceBytesMax = 24
)

// pencePerPound converts prices that are quoted in pence.
const pencePerPound = 100

// verdict is what a price or an operator's action on one comes to. The visits and the close of the same message both
// need it, so it is computed from the same facts twice.
type verdict struct {
	why   refusal
	price state.KnownPrice // what is to be kept
	drop  bool             // whether it is to be forgotten instead
	known bool             // nothing changes
}

// priceTag is borne by trades with confirmations that wait for the asset's close of the day.
func priceTag(asset schemas.AssetCode, day schemas.Date) string {
	return "price/" + day.String() + "/" + string(asset)
}

// Price returns the close of the asset on the day as far as it is kept, released or parked; nil where none is. It costs a binary search.
func (r *Reference) Price(asset schemas.AssetCode, day schemas.Date) *state.KnownPrice {
	i, found := slices.BinarySearchFunc(r.stored.Prices, state.KnownPrice{Asset: asset, Date: day}, comparePrices)
	if !found {
		return nil
	}
	return &r.stored.Prices[i]
}

func comparePrices(a, b state.KnownPrice) int {
	return cmp.Or(cmp.Compare(a.Asset, b.Asset), cmp.Compare(a.Date, b.Date))
}

// judgePrice says what a vendor's price comes to: it is released, or parked for a person where it moved too far.
func (r *Reference) judgePrice(cause *inbox.Cause, p *ingest.Price) verdict {
	pounds, why := r.checkPrice(cause, p)
	if why.code != "" {
		return verdict{why: why}
	}
	if old := r.Price(p.Asset, p.Date); old != nil {
		if old.Price == pounds {
			return verdict{known: true}
		}
		return verdict{why: refusal{codePriceDiffers, fmt.Sprintf("the close of %s on %s is known as %s, not %s", p.Asset, p.Date, old.Price, pounds)}}
	}
	asset := r.Asset(p.Asset, p.Date)
	return verdict{price: state.KnownPrice{
		Asset: p.Asset, Date: p.Date, Price: pounds, Version: 1, Released: r.withinTolerance(asset, p.Date, pounds),
	}}
}

// checkPrice returns the price in pounds.
func (r *Reference) checkPrice(cause *inbox.Cause, p *ingest.Price) (schemas.Price, refusal) {
	asset := r.Asset(p.Asset, p.Date)
	if asset == nil {
		return 0, refusal{codeUnknownAsset, fmt.Sprintf("there is no asset %s on %s", p.Asset, p.Date)}
	}
	if today, ok := r.LocalDate(cause.ReceivedAt); !ok || p.Date > today {
		return 0, refusal{codePriceInFuture, fmt.Sprintf("the close of %s on %s came before that day", p.Asset, p.Date)}
	}
	if r.isEarly(cause, p) {
		return 0, refusal{codePriceEarly, fmt.Sprintf("the close of %s on %s came before the cut-off of that day", p.Asset, p.Date)}
	}
	if p.Quotation != asset.Quotation {
		return 0, refusal{codeQuotationDiffers, fmt.Sprintf("%s is quoted in %s, not in %s", p.Asset, asset.Quotation, p.Quotation)}
	}
	if int64(p.Close)%schemas.Power10(schemas.PriceScale-int(asset.PriceScale)) != 0 {
		return 0, refusal{codePriceScale, fmt.Sprintf("%s has more than the %d decimals of %s", p.Close, asset.PriceScale, p.Asset)}
	}
	if p.Quotation == reference.QuotationPounds {
		return p.Close, refusal{}
	}
	if p.Close%pencePerPound != 0 {
		return 0, refusal{codePriceScale, fmt.Sprintf("%s pence of %s cannot be said in pounds", p.Close, p.Asset)}
	}
	return p.Close / pencePerPound, refusal{}
}

// isEarly says whether the price came while instructions could still be in time for its day. Whoever knew it could deal at a known price.
func (r *Reference) isEarly(cause *inbox.Cause, p *ingest.Price) bool {
	deals, err := r.Deals(p.Asset, p.Date)
	if err != nil || !deals {
		return false
	}
	cutOff, _ := r.CutOff(p.Asset, p.Date)
	return cutOff.InTime(cause.ReceivedAt, p.Date)
}

// withinTolerance says whether the price moved no further from the last released one than the asset allows. A first
// price is within tolerance: there is nothing to compare it with.
func (r *Reference) withinTolerance(asset *reference.Asset, date schemas.Date, price schemas.Price) bool {
	last := schemas.Price(0)
	for i := range r.stored.Prices {
		if p := &r.stored.Prices[i]; p.Asset == asset.Code && p.Date < date && p.Released {
			last = r.convertedFrom(asset.Code, p.Price, p.Date, date)
		}
	}
	if last == 0 {
		return true
	}
	moveBy := int64(max(price-last, last-price))
	allowed, err := schemas.MulDivFloor(int64(last), int64(asset.PriceTolerance), int64(schemas.WeightOne))
	return err == nil && moveBy <= allowed
}

// judgeRelease says what an operator's release or refusal of a parked price comes to.
func (r *Reference) judgeRelease(asset schemas.AssetCode, date schemas.Date, price schemas.Price, release bool) verdict {
	parked := r.Price(asset, date)
	if parked == nil || parked.Released || parked.Price != price {
		return verdict{why: refusal{codeNoParkedPrice, fmt.Sprintf("no price %s of %s on %s is parked", price, asset, date)}}
	}
	v := verdict{price: *parked, drop: !release}
	v.price.Released = release
	return v
}

// judge returns the verdict on a message about a price.
func (r *Reference) judge(m *inbox.DealingMessage) verdict {
	switch body := m.Body.(type) {
	case *inbox.PriceReceived:
		return r.judgePrice(&m.Cause, &body.Price)
	case *inbox.Operated:
		switch operation := body.Operation.Body.(type) {
		case *ingest.PriceRelease:
			return r.judgeRelease(operation.Asset, operation.Date, operation.Price, true)
		case *ingest.PriceRefusal:
			return r.judgeRelease(operation.Asset, operation.Date, operation.Price, false)
		}
	}
	panic(fmt.Sprintf("dealing: %T is not about a price", m.Body))
}

// priceFor returns the price at which a trade that waits for it may go on after the message, or nil. A message that is swept again was judged the
// first time, and what it said is in the reference data, unless that has changed since.
func (r *Reference) priceFor(place streams.Place, m *inbox.DealingMessage) *state.KnownPrice {
	if !place.Released {
		v := r.judge(m)
		if v.why.code != "" || v.known || v.drop {
			return nil
		}
		return &v.price
	}
	switch body := m.Body.(type) {
	case *inbox.PriceReceived:
		return r.Price(body.Price.Asset, body.Price.Date)
	case *inbox.Operated:
		if operation, ok := body.Operation.Body.(*ingest.PriceRelease); ok {
			return r.Price(operation.Asset, operation.Date)
		}
	}
	return nil
}

// priceTags returns the tags of the trades that may wait for the price that the message is about.
func priceTags(m *inbox.DealingMessage) []string {
	switch body := m.Body.(type) {
	case *inbox.PriceReceived:
		return []string{priceTag(body.Price.Asset, body.Price.Date)}
	case *inbox.Operated:
		if operation, ok := body.Operation.Body.(*ingest.PriceRelease); ok {
			return []string{priceTag(operation.Asset, operation.Date)}
		}
	}
	return nil
}

// priceJudged ends a message about a price: it is kept, forgotten, or refused. That happens the first time that it is swept. Every shard is
// told of a close that may be used.
func (d *dealing) priceJudged(place streams.Place, r *Reference, m *inbox.DealingMessage) (*state.DealingReference, []streams.Out) {
	if place.Released {
		return r.stored, nil
	}
	v := r.judge(m)
	switch {
	case v.why.code != "":
		return r.stored, []streams.Out{rejectionOut(place, &m.Cause, v.why)}
	case v.known:
		return r.stored, nil
	}
	next := *r.stored
	next.Prices = putPrice(r.stored.Prices, v.price, v.drop)
	if v.drop || !v.price.Released {
		return &next, nil
	}
	return &next, d.tellPrice(r, &m.Cause, &v.price)
}

// tellPrice tells every shard of a close that may be used, in the units that pots have.
func (d *dealing) tellPrice(r *Reference, cause *inbox.Cause, p *state.KnownPrice) []streams.Out {
	id := schemas.DeriveID("price", string(p.Asset), p.Date.String(), strconv.Itoa(int(p.Version))).String()
	return tellAll(nil, d.shards, id, cause, &inbox.PriceReleased{Asset: p.Asset, Date: p.Date, Price: r.forPots(p), Version: p.Version})
}

// tellBeforeHalts tells every shard again the last close of before of each asset that is halted for a split or a merger, where closes since have been told. Pots
// are about to be valued, and still have units of before; a shard to which an earlier version told those closes kept the newest alone.
func (d *dealing) tellBeforeHalts(r *Reference, events []state.DeclaredEvent, cause *inbox.Cause, outs []streams.Out) []streams.Out {
	for i := range events {
		o := &events[i].Operation
		if !isAnnounced(o) {
			continue
		}
		from, _ := dateOf(o)
		if last := r.lastBefore(assetsOf(o)[0], from); last != nil {
			outs = append(outs, d.tellPrice(r, cause, last)...)
		}
	}
	return outs
}

// lastBefore returns the asset's last released close before the day, and nil where none is released since: then it is the last of all.
func (r *Reference) lastBefore(asset schemas.AssetCode, day schemas.Date) *state.KnownPrice {
	var last *state.KnownPrice
	for i := range r.stored.Prices {
		p := &r.stored.Prices[i]
		switch {
		case p.Asset != asset || !p.Released:
		case p.Date >= day:
			return last
		default:
			last = p
		}
	}
	return nil
}

// putPrice returns the prices with one of them set or dropped, and forgets the asset's oldest where there are too many.
func putPrice(prices []state.KnownPrice, price state.KnownPrice, drop bool) []state.KnownPrice {
	next := slices.Clone(prices)
	i, found := slices.BinarySearchFunc(next, price, comparePrices)
	switch {
	case found && drop:
		return slices.Delete(next, i, i+1)
	case found:
		next[i] = price
		return next
	}
	next = slices.Insert(next, i, price)
	first := slices.IndexFunc(next, func(p state.KnownPrice) bool { return p.Asset == price.Asset })
	if i >= first+pricesPerAssetMax || len(next) > first+pricesPerAssetMax && next[first+pricesPerAssetMax].Asset == price.Asset {
		next = slices.Delete(next, first, first+1)
	}
	return forgetOldest(next)
}

// forgetOldest drops the prices of the oldest days until the rest may be kept.
func forgetOldest(prices []state.KnownPrice) []state.KnownPrice {
	size := 0
	for i := range prices {
		size += len(prices[i].Asset) + priceBytesMax
	}
	for size > pricesBytesMax {
		oldest := 0
		for i := range prices {
			if prices[i].Date < prices[oldest].Date {
				oldest = i
			}
		}
		size -= len(prices[oldest].Asset) + priceBytesMax
		prices = slices.Delete(prices, oldest, oldest+1)
	}
	return prices
}

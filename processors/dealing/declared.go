package dealing

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// Bounds of declared events.
const (
	// declaredDaysMax is how far back a declaration may be dated, which is what lets its id be forgotten.
	declaredDaysMax = 31
	// announcedDaysMax is how far ahead a split or a merger may be declared.
	announcedDaysMax = 366
	declaredMax      = 1000
	eventsMax        = 100
)

// declaration is an operator's word on pots or assets, while it is dealt with.
type declaration struct {
	*dealing
	place     streams.Place
	reference *Reference
	cause     *inbox.Cause
	operation *ingest.Operation
	today     schemas.Date
	next      state.DealingReference
}

// dateOf returns the date by which a declaration is forgotten, and false for an operation that declares nothing.
func dateOf(o *ingest.Operation) (schemas.Date, bool) {
	switch body := o.Body.(type) {
	case *ingest.FlatFee:
		return body.Dated, true
	case *ingest.ChargeAccrual:
		return body.Through, true
	case *ingest.ChargeCollection:
		return body.Dated, true
	case *ingest.Distribution:
		return body.EffectiveOn, true
	case *ingest.UnitSplit:
		return body.On, true
	case *ingest.FundMerger:
		return body.On, true
	case *ingest.Rebalancing:
		return body.Dated, true
	}
	return 0, false
}

// declared deals with a declaration: was it made before; is its date allowed; then what it needs itself. The same declaration again changes nothing.
func (d *dealing) declared(place streams.Place, r *Reference, cause *inbox.Cause, o *ingest.Operation) (*state.DealingReference, []streams.Out) {
	c := &declaration{dealing: d, place: place, reference: r, cause: cause, operation: o, next: *r.stored}
	known, why := c.remember()
	if known {
		return r.stored, nil
	}
	if why.code == "" {
		c.next.EventNumber++
		var outs []streams.Out
		if outs, why = c.work(); why.code == "" {
			return &c.next, outs
		}
	}
	return r.stored, []streams.Out{rejectionOut(place, cause, why)}
}

// remember notes the declaration among those that were made, and forgets what its date alone would have refused.
func (c *declaration) remember() (known bool, why refusal) {
	key := schemas.DeriveID("declaration", string(c.operation.Operator), c.operation.ID)
	sum := sha256.Sum256(c.operation.AppendAvro(nil))
	made := state.Declared{Key: key, Digest: state.DeclaredDigest(sum[:16])}
	stored := c.reference.stored.Declared
	if i := slices.IndexFunc(stored, func(s state.Declared) bool { return s.Key == key }); i >= 0 {
		if stored[i].Digest == made.Digest {
			return true, refusal{}
		}
		return false, refusal{codeConflictingDeclaration, fmt.Sprintf("%s declared something else under the id %s", c.operation.Operator, c.operation.ID)}
	}
	today, ready := c.reference.LocalDate(c.cause.ReceivedAt)
	if !ready {
		return false, settingsMissing()
	}
	c.today = today
	made.Dated, _ = dateOf(c.operation)
	if made.Dated < today-declaredDaysMax || made.Dated > today && !isAnnounced(c.operation) || made.Dated > today+announcedDaysMax {
		return false, refusal{codeDeclarationDated, fmt.Sprintf("dated %s, received on %s", made.Dated, today)}
	}
	c.next.Declared = slices.DeleteFunc(slices.Clone(stored), func(s state.Declared) bool { return s.Dated < today-declaredDaysMax })
	if len(c.next.Declared) >= declaredMax || len(c.next.Events) >= eventsMax {
		return false, refusal{codeTooManyDeclarations, fmt.Sprintf("%d declarations are remembered, %d events wait", len(c.next.Declared), len(c.next.Events))}
	}
	c.next.Declared = append(c.next.Declared, made)
	return false, refusal{}
}

// isAnnounced says whether the declaration is of something that is still to come.
func isAnnounced(o *ingest.Operation) bool {
	switch o.Body.(type) {
	case *ingest.UnitSplit, *ingest.FundMerger:
		return true
	}
	return false
}

func (c *declaration) work() ([]streams.Out, refusal) {
	switch body := c.operation.Body.(type) {
	case *ingest.FlatFee:
		return c.tellPots(&inbox.FeeCharged{Event: c.next.EventNumber, Cash: body.Cash, Floor: body.Floor}), refusal{}
	case *ingest.ChargeAccrual:
		return c.accrue(body)
	case *ingest.ChargeCollection:
		return c.tellPots(&inbox.ChargeCollected{Event: c.next.EventNumber, ByUnits: body.ByUnits}), refusal{}
	case *ingest.Distribution:
		return c.queue(body.Asset)
	case *ingest.UnitSplit:
		return c.split(body)
	case *ingest.FundMerger:
		return c.merge(body)
	case *ingest.Rebalancing:
		return c.rebalance(body)
	}
	panic(fmt.Sprintf("dealing: %T declares nothing", c.operation.Body))
}

// tellPots tells every shard what is done with all pots that it concerns, and first by what to value them.
func (c *declaration) tellPots(body inbox.PotBody) []streams.Out {
	outs := c.tellBeforeHalts(c.reference, c.next.Events, c.cause, nil)
	return append(outs, salted(tellAll(nil, c.shards, eventID(c.next.EventNumber), c.cause, body), c.cause)...)
}

// salted gives what is told to pots the secret of its cause: orders may come of it.
func salted(outs []streams.Out, cause *inbox.Cause) []streams.Out {
	for i := range outs {
		outs[i].Value.(*inbox.PotMessage).Cause.Salt = cause.Salt //nolint:forcetypeassert // tell made it
	}
	return outs
}

// eventID names what is told of an event.
func eventID(number int32, parts ...string) string {
	return schemas.DeriveID(append([]string{"event", strconv.Itoa(int(number))}, parts...)...).String()
}

// accrue lets a charge accrue for a period that follows the last one: no day twice, and none left out.
func (c *declaration) accrue(a *ingest.ChargeAccrual) ([]streams.Out, refusal) {
	if last := c.next.AccruedThrough; last != nil && a.From != *last+1 {
		return nil, refusal{codeNotFollowing, fmt.Sprintf("the annual charge has accrued through %s; a period from %s does not follow", *last, a.From)}
	}
	c.next.AccruedThrough = &a.Through
	return c.tellPots(&inbox.ChargeAccrued{Event: c.next.EventNumber, Days: int32(a.Through-a.From) + 1, Rate: a.Rate}), refusal{} //nolint:gosec // bounded at the door
}

// rebalance has every shard re-balance the pots that have a standing choice, once a day: a second run would trade on what the first one has under way.
func (c *declaration) rebalance(b *ingest.Rebalancing) ([]streams.Out, refusal) {
	if last := c.next.RebalancedOn; last != nil && c.today <= *last {
		return nil, refusal{codeAlreadyRebalanced, fmt.Sprintf("a re-balancing was declared on %s already", last)}
	}
	c.next.RebalancedOn = &c.today
	return c.tellPots(&inbox.PotsRebalanced{
		Event: c.next.EventNumber, Absolute: b.Absolute, Relative: b.Relative, Minimum: b.Minimum, InvestCash: b.InvestCash, WhileUnsettled: b.WhileUnsettled,
	}), refusal{}
}

// queue adds an event on assets to those that wait, and begins what may begin.
func (c *declaration) queue(assets ...schemas.AssetCode) ([]streams.Out, refusal) {
	for _, asset := range assets {
		if day, _ := dateOf(c.operation); c.reference.Asset(asset, min(day, c.today)) == nil {
			return nil, refusal{codeUnknownAsset, fmt.Sprintf("there is no asset %s on %s", asset, min(day, c.today))}
		}
		if slices.Contains(c.next.Ended, asset) {
			return nil, refusal{codeAssetNotFree, fmt.Sprintf("asset %s is merged into another", asset)}
		}
	}
	c.next.Events = append(slices.Clone(c.next.Events), state.DeclaredEvent{Number: c.next.EventNumber, Cause: *c.cause, Operation: *c.operation})
	return c.advance(c.reference, &c.next, nil), refusal{}
}

// checkNotice refuses an event beside another that halts the asset, and one from a day for which a pot may have accepted an order: such an order would be in the old units, and dealt at a price of the new.
func (c *declaration) checkNotice(asset schemas.AssetCode, on schemas.Date) refusal {
	if slices.ContainsFunc(c.next.Events, func(e state.DeclaredEvent) bool {
		return isAnnounced(&e.Operation) && assetsOf(&e.Operation)[0] == asset
	}) {
		return refusal{codeAssetNotFree, fmt.Sprintf("a split or a merger of asset %s is declared already", asset)}
	}
	last, err := c.reference.DealingDay(asset, c.cause.ReceivedAt+noticeMillis)
	if err != nil {
		last = 0 // no order can have been accepted where no day is known
	}
	for _, carried := range c.reference.carriedDays(asset) {
		last = max(last, carried)
	}
	if on <= last {
		return refusal{codeDeclaredTooLate, fmt.Sprintf("orders in %s may have been accepted for days through %s", asset, last)}
	}
	return refusal{}
}

func (c *declaration) split(s *ingest.UnitSplit) ([]streams.Out, refusal) {
	if why := c.checkNotice(s.Asset, s.On); why.code != "" {
		return nil, why
	}
	outs, why := c.queue(s.Asset)
	c.next.Rescaled = append(slices.Clone(c.next.Rescaled), state.Rescaled{Asset: s.Asset, On: s.On, Numerator: s.Numerator, Denominator: s.Denominator})
	c.next.Rescaled = slices.DeleteFunc(c.next.Rescaled, func(r state.Rescaled) bool { return r.On < c.today-announcedDaysMax })
	return c.halt(s.Asset, s.On, outs), why
}

func (c *declaration) merge(m *ingest.FundMerger) ([]streams.Out, refusal) {
	if why := c.checkNotice(m.Asset, m.On); why.code != "" {
		return nil, why
	}
	outs, why := c.queue(m.Asset, m.Into)
	c.next.Ended = append(slices.Clone(c.next.Ended), m.Asset)
	c.next.Merged = append(slices.Clone(c.next.Merged), state.MergedAsset{Asset: m.Asset, Into: m.Into})
	return c.halt(m.Asset, m.On, outs), why
}

// halt tells every shard that no order of the asset may be accepted for the day or a later one.
func (c *declaration) halt(asset schemas.AssetCode, from schemas.Date, outs []streams.Out) []streams.Out {
	return tellAll(outs, c.shards, eventID(c.next.EventNumber, "halted"), c.cause, &inbox.AssetHalted{Asset: asset, From: from})
}

// forPots is a close in the units that pots have. It may come late, of a day before a split that is done.
func (r *Reference) forPots(p *state.KnownPrice) schemas.Price {
	return r.rescaled(p.Asset, p.Price, p.Date, func(s *state.Rescaled) bool { return !r.waits(s) })
}

// convertedFrom is a price of one day in the units of a later one, whether the splits between are done or not.
func (r *Reference) convertedFrom(asset schemas.AssetCode, price schemas.Price, from, to schemas.Date) schemas.Price {
	return r.rescaled(asset, price, from, func(s *state.Rescaled) bool { return s.On <= to })
}

// rescaled is a price of a day after those of the later splits of its asset that count. It never comes to nothing: pots would be worth nothing, and a close that is
// compared with it would count as the asset's first, which may be anything.
func (r *Reference) rescaled(asset schemas.AssetCode, price schemas.Price, from schemas.Date, counts func(*state.Rescaled) bool) schemas.Price {
	for i := range r.stored.Rescaled {
		s := &r.stored.Rescaled[i]
		if s.Asset != asset || s.On <= from || !counts(s) {
			continue
		}
		if rescaled, err := schemas.MulDivFloor(int64(price), s.Denominator, s.Numerator); err == nil {
			price = schemas.Price(max(rescaled, 1))
		}
	}
	return price
}

// waits says whether a split is declared and not done.
func (r *Reference) waits(s *state.Rescaled) bool {
	return slices.ContainsFunc(r.stored.Events, func(e state.DeclaredEvent) bool {
		split, ok := e.Operation.Body.(*ingest.UnitSplit)
		return ok && split.Asset == s.Asset && split.On == s.On
	})
}

package scenario

import (
	"slices"
	"strings"

	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/processors/internal/merkle"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/streams"
)

// Ingested builds the ingest record that a step tells of, and names its topic.
func Ingested(r Reporter, at schemas.Instant, step Step) (string, streams.Value) {
	r.Helper()
	b := &builder{r, at, step.Args}
	if i := b.instruction(step.Kind); i != nil {
		return streams.IngestInstruction, i
	}
	if c := b.confirmation(step.Kind); c != nil {
		return streams.IngestConfirmation, c
	}
	if o := b.operation(step.Kind); o != nil {
		return streams.IngestOperator, o
	}
	if step.Kind == "Price" {
		return streams.IngestPrice, b.closing()
	}
	if entry := b.entry(step.Kind); entry != nil {
		return streams.IngestReference, &ingest.ReferenceData{Source: schemas.SourceID(b.Get("source", "reference")), ID: b.Get("id", ""), Entry: *entry}
	}
	r.Fatalf("there is no %s", step.Kind)
	return "", nil
}

// DealingMessage builds the record of dealing's inbox that a step tells of.
func DealingMessage(r Reporter, at schemas.Instant, step Step) *inbox.DealingMessage {
	r.Helper()
	b := &builder{r, at, step.Args}
	m := &inbox.DealingMessage{Cause: inbox.Cause{Source: "test", ID: b.Get("id", step.Kind), ReceivedAt: at, Topic: "ingest"}}
	switch step.Kind {
	case "Reached":
		m.Body = &inbox.Reached{Partition: b.number("partition", "0"), Time: at}
	case "Flush":
		m.Body = &inbox.Flush{}
	case "EventTotal":
		scale := b.number("scale", "3")
		m.Body = &inbox.EventTotal{
			Shard: b.number("shard", "0"), Event: b.number("event", "1"), Round: b.number("round", "1"), Weight: b.quanta("units", scale),
			Rounding: b.quanta("rounding", scale), Compensation: b.quanta("compensation", scale), Open: int64(b.number("open", "0")),
		}
	case "Corrected":
		_, _, _, trade := b.batchKey()
		m.Body = &inbox.PriceCorrected{Trade: trade, Old: b.price("old"), Price: b.price("price"), Version: b.number("version", "2")}
	case "ShardTotal":
		day, custodian, asset, trade := b.batchKey()
		kind := KindOf(b, b.Args)
		m.Body = &inbox.ShardTotal{
			Shard: b.number("shard", "0"), Trade: trade, Day: day, Custodian: custodian, Asset: asset, UnitsScale: b.number("scale", "3"),
			Side: kind.Side, Basis: kind.Basis, Weight: b.quantaOf("weight", "0", kind.Basis, b.number("scale", "3")),
			LeastReserved: b.quanta("least-reserved", b.number("scale", "3")), LeastWeight: int64(b.money("least-weight", "0")), Orders: int64(b.number("orders", "0")), Root: inbox.Root(merkle.RootOf([]merkle.Hash{merkle.Leaf(merkle.Salt{}, trade, 0)})),
			SettlesOn: b.optionalDate("settles"), Policy: b.Get("policy", ""),
		}
	default:
		_, value := Ingested(r, at, step)
		switch v := value.(type) {
		case *ingest.Confirmation:
			m.Body = &inbox.Confirmed{Confirmation: *v}
		case *ingest.Price:
			m.Body = &inbox.PriceReceived{Price: *v}
		case *ingest.Operation:
			m.Body = &inbox.Operated{Operation: *v}
		case *ingest.ReferenceData:
			m.Body = &inbox.ReferenceReceived{Reference: *v}
		default:
			r.Fatalf("dealing is not told of %s", step.Kind)
		}
	}
	return m
}

// Pots builds records of the pots' inbox. It remembers what each batch had got and given, because the records carry sums.
type Pots struct {
	sums map[schemas.ID]sum
	// corrections remember, for a correction, under which messages the batches were told.
	corrections map[schemas.ID]*inbox.BatchCorrected
}

type sum struct{ got, given int64 }

// Message builds the record that a step and the "also" lines below it tell of.
func (p *Pots) Message(r Reporter, at schemas.Instant, steps []Step) *inbox.PotMessage {
	r.Helper()
	b := &builder{r, at, steps[0].Args}
	cause := inbox.Cause{Source: "dealing", ID: b.Get("id", steps[0].Kind), ReceivedAt: at, Topic: "ingest"}
	if steps[0].Kind == "Corrected" {
		body := p.corrected(b)
		cause.ID = batch.Correction(body.Trade, body.PriceVersion)
		return &inbox.PotMessage{Cause: cause, Body: body}
	}
	if i := b.instruction(steps[0].Kind); i != nil {
		cause.Source, cause.ID, cause.Salt = i.Source, string(i.ID), inbox.Salt{1}
		return &inbox.PotMessage{Cause: cause, Body: &inbox.Instructed{Instruction: *i}}
	}
	if entry := b.entry(steps[0].Kind); entry != nil {
		return &inbox.PotMessage{Cause: cause, Body: b.changed(entry)}
	}
	if c := b.bank(steps[0].Kind); c != nil {
		cause.Source, cause.ID = schemas.SourceID(c.Custodian), c.ID
		return &inbox.PotMessage{Cause: cause, Body: &inbox.BankConfirmed{Confirmation: *c}}
	}
	if c := b.units(steps[0].Kind); c != nil {
		cause.Source, cause.ID = schemas.SourceID(c.Custodian), c.ID
		return &inbox.PotMessage{Cause: cause, Body: &inbox.UnitsConfirmed{Confirmation: *c}}
	}
	if body := b.told(steps[0].Kind); body != nil {
		cause.Source, cause.ID = schemas.SourceID(b.Get("source", "portal")), b.Get("id", "")
		return &inbox.PotMessage{Cause: cause, Body: body}
	}
	switch steps[0].Kind {
	case "RuleActivated":
		return &inbox.PotMessage{Cause: cause, Body: &inbox.RuleActivated{Rule: b.Get("rule", "allocation"), Version: b.Get("version", "")}}
	case "Refund", "ReviewRelease", "ReviewRefusal", "Reversal":
		o := b.operation(steps[0].Kind)
		cause.Source, cause.ID = o.Operator, o.ID
		return &inbox.PotMessage{Cause: cause, Body: &inbox.PotOperated{Operation: *o}}
	case "DayClosed":
		return &inbox.PotMessage{Cause: cause, Body: b.dayClosed()}
	case "PriceReleased":
		return &inbox.PotMessage{Cause: cause, Body: &inbox.PriceReleased{
			Asset: schemas.AssetCode(b.Get("asset", "GB00X")), Date: b.date("day"), Price: b.price("price"), Version: b.number("version", "1"),
		}}
	case "TimeReached":
		return &inbox.PotMessage{Cause: cause, Body: &inbox.TimeReached{Time: at, Began: b.dates("began")}}
	}
	if event := b.event(steps[0].Kind); event != nil {
		cause.ID = b.Get("id", "event-"+b.Get("event", "1"))
		return &inbox.PotMessage{Cause: cause, Body: event}
	}
	body := &inbox.BatchesConfirmed{}
	for _, step := range steps {
		p.confirmed(&builder{r, at, step.Args}, step.Kind, body)
	}
	p.remember(cause.ID, body)
	return &inbox.PotMessage{Cause: cause, Body: body}
}

func (b *builder) changed(entry *reference.Entry) *inbox.ReferenceChanged {
	m := &inbox.ReferenceChanged{Entry: *entry}
	if b.Has("closed-through") {
		through := b.date("closed-through")
		m.ClosedThrough = &through
	}
	return m
}

func (b *builder) dayClosed() *inbox.DayClosed {
	m := &inbox.DayClosed{Day: b.date("day")}
	for _, asset := range strings.Split(b.Get("assets", "GB00X"), ",") {
		m.Assets = append(m.Assets, inbox.ClosedAsset{Asset: schemas.AssetCode(asset), Custodian: schemas.CustodianID(b.Get("custodian", "CREST")), UnitsScale: b.number("scale", "3"), SettlesOn: b.optionalDate("settles"), Policy: b.Get("policy", "")})
	}
	return m
}

// confirmed adds one batch to a message. "of" is the batch's whole weight; "from" and "through" are the shard's place in it, all of it
// if they are not given.
func (p *Pots) confirmed(b *builder, kind string, m *inbox.BatchesConfirmed) {
	day, custodian, asset, trade := b.batchKey()
	scale := b.number("scale", "3")
	batch := KindOf(b, b.Args)
	whole := b.quantaOf("of", "0", batch.Basis, scale)
	from, through := b.quantaOf("from", "0", batch.Basis, scale), b.quantaOf("through", b.Get("of", "0"), batch.Basis, scale)
	if p.sums == nil {
		p.sums = make(map[schemas.ID]sum)
	}
	before := p.sums[trade]
	switch kind {
	case "Priced":
		after := sum{before.got + b.quanta("units", scale), before.given + int64(b.money("cash", "0"))}
		if batch.Side == inbox.SideSell {
			after = sum{before.got + int64(b.money("cash", "0")), before.given + b.quanta("units", scale)}
		}
		p.sums[trade] = after
		m.Priced = append(m.Priced, inbox.PricedBatch{
			Trade: trade, Day: day, Custodian: custodian, Asset: asset, UnitsScale: scale, Side: batch.Side, Basis: batch.Basis, Weight: whole, WeightBefore: from, WeightThrough: through,
			Piece: b.number("piece", "1"), Final: b.Has("final"), Price: b.price("price"), PriceVersion: 1, Policy: b.Get("policy", ""), ConfirmedAt: b.at,
			GotBefore: before.got, GotThrough: after.got, GivenBefore: before.given, GivenThrough: after.given,
			CarriedTo: b.optionalDate("to"),
		})
	case "Settled":
		m.Settled = append(m.Settled, inbox.SettledBatch{
			Trade: trade, Day: day, Custodian: custodian, Asset: asset, UnitsScale: scale, Side: batch.Side, Basis: batch.Basis, Weight: whole, WeightBefore: from, WeightThrough: through,
			Got: before.got, Given: before.given, SettledOn: b.date("on"), ConfirmedAt: b.at,
		})
	case "Rejected":
		m.Rejected = append(m.Rejected, inbox.RejectedBatch{Trade: trade, Day: day, Custodian: custodian, Asset: asset, UnitsScale: scale, Side: batch.Side, Basis: batch.Basis, Reason: b.Get("reason", "closed"), CarriedTo: b.optionalDate("to")})
		if b.Has("given-up") {
			p.givenUp(&m.Rejected[len(m.Rejected)-1])
		}
	default:
		b.Fatalf("pots are not told of %s", kind)
	}
}

// givenUp adds the pieces that were told of the batch.
func (p *Pots) givenUp(m *inbox.RejectedBatch) {
	c := p.corrections[m.Trade]
	m.Weight, m.WeightBefore, m.WeightThrough, m.Policy = c.Weight, c.WeightBefore, c.WeightThrough, c.Policy
	for i := range c.Pieces {
		m.Pieces = append(m.Pieces, inbox.GivenUpPiece{Told: c.Pieces[i].Told, Got: c.Pieces[i].Got, Given: c.Pieces[i].Given})
	}
}

// remember keeps what a correction of the batches will need.
func (p *Pots) remember(told string, m *inbox.BatchesConfirmed) {
	if p.corrections == nil {
		p.corrections = make(map[schemas.ID]*inbox.BatchCorrected)
	}
	for i := range m.Priced {
		b := &m.Priced[i]
		c := p.corrections[b.Trade]
		if c == nil {
			c = &inbox.BatchCorrected{
				Trade: b.Trade, Day: b.Day, Custodian: b.Custodian, Asset: b.Asset, UnitsScale: b.UnitsScale, Side: b.Side, Basis: b.Basis, Policy: b.Policy,
				Weight: b.Weight, WeightBefore: b.WeightBefore, WeightThrough: b.WeightThrough,
			}
			p.corrections[b.Trade] = c
		}
		c.Pieces = append(c.Pieces, inbox.CorrectedPiece{Told: told, Got: b.GotThrough, Given: b.GivenThrough, Final: b.Final})
	}
	for i := range m.Settled {
		b := &m.Settled[i]
		if c := p.corrections[b.Trade]; c != nil {
			c.SettledOn, c.SettledTold = &b.SettledOn, told
		}
	}
}

// corrected builds the correction of a batch. "units" are those of each piece at the right price, "cash" likewise; what is not given stays.
func (p *Pots) corrected(b *builder) *inbox.BatchCorrected {
	_, _, _, trade := b.batchKey()
	last := p.corrections[trade]
	if last == nil {
		b.Fatalf("nothing was told of the batch")
		return nil
	}
	next := *last
	next.Price, next.PriceVersion = b.price("price"), b.number("version", "2")
	next.Pieces = slices.Clone(last.Pieces)
	units, cash := strings.Split(b.Get("units", ""), ","), strings.Split(b.Get("cash", ""), ",")
	for i := range next.Pieces {
		piece := &next.Pieces[i]
		piece.WasGot, piece.WasGiven = piece.Got, piece.Given
		before := inbox.CorrectedPiece{}
		if i > 0 {
			before = next.Pieces[i-1]
		}
		cashTo, cashBefore, cashWas := &piece.Given, before.Given, piece.WasGiven-before.WasGiven
		unitsTo, unitsBefore, unitsWas := &piece.Got, before.Got, piece.WasGot-before.WasGot
		if next.Side == inbox.SideSell {
			cashTo, cashBefore, cashWas, unitsTo, unitsBefore, unitsWas = unitsTo, unitsBefore, unitsWas, cashTo, cashBefore, cashWas
		}
		*unitsTo = corrected(b, units, i, unitsBefore, unitsWas, int(next.UnitsScale))
		*cashTo = corrected(b, cash, i, cashBefore, cashWas, schemas.MoneyScale)
	}
	known := next
	known.Pieces = slices.Clone(next.Pieces)
	for i := range known.Pieces {
		known.Pieces[i].Told = batch.Correction(trade, next.PriceVersion)
	}
	if known.SettledTold != "" {
		known.SettledTold = batch.Correction(trade, next.PriceVersion)
	}
	p.corrections[trade] = &known
	p.sums[trade] = sum{next.Pieces[len(next.Pieces)-1].Got, next.Pieces[len(next.Pieces)-1].Given}
	return &next
}

// corrected adds what piece i moves: as is given, or as it was.
func corrected(b *builder, given []string, i int, before, was int64, scale int) int64 {
	if i >= len(given) || given[i] == "" {
		return before + was
	}
	quanta, err := schemas.ParseQuanta(given[i], scale)
	if err != nil {
		b.Fatalf("a corrected piece: %v", err)
	}
	return before + quanta
}

package demo

import (
	"bytes"
	"encoding/binary"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/streams"
)

// dailyBuy is what one pot buys on every dealing day, so that none is without orders.
const dailyBuy schemas.Money = 5_00

// The dealing days of the cases.
const (
	badInputDay = 1
	strayDay    = 2
	againDay    = 3
)

// cast plays the cases that the report shows one by one, with the pots that are kept for them.
func (g *generator) cast() {
	codes := g.universe()
	g.place(g.atBuying(), &g.pots[9], codes[g.number%len(codes)], dailyBuy)
	switch g.number {
	case badInputDay:
		g.place(g.atBuying(), &g.pots[10], leaverFirst, leaverFirstCash)
		g.place(g.atBuying(), &g.pots[10], leaverSecond, leaverSecondCash)
		g.place(g.atBuying(), &g.pots[11], switchFrom, switchBought)
		g.repeats()
		g.cutOffs()
		g.unfit()
		g.unreadable()
		g.receive()
		g.withdraw(&g.pots[2])
		g.claim(&g.pots[1])
	case strayDay:
		g.strays()
		g.charge()
	case againDay:
		g.again()
		g.distribute()
		g.switchOver(&g.pots[11])
	}
	if g.number == rejectedOnDay && len(g.dealing) >= rejectedOnDay {
		g.place(g.atBuying(), &g.pots[6], rejectedAsset, 200_00)
		g.atBuying().show("a buy whose external trade is rejected")
	}
	if g.number == requeuedOnDay && len(g.dealing) > requeuedOnDay {
		g.requeue(&g.pots[3])
	}
	if g.number == gatedOnDay && len(g.dealing) > gatedThroughDay {
		g.gate(&g.pots[4])
	}
	if g.number == sellOnDay {
		g.sellStories()
	}
	if g.number == leaveOnDay && len(g.dealing) > leaveOnDay {
		g.leave(&g.pots[10])
	}
	if g.number == closedOnDay {
		g.afterLeaving(&g.pots[10])
	}
	g.castMistake()
	if g.number == len(g.dealing) {
		g.place(g.atBuying(), &g.pots[7], "GOOG", 400_00)
	}
}

// castMistake plays what becomes of a close that the vendor got wrong.
func (g *generator) castMistake() {
	keeps, sells := &g.pots[12], &g.pots[13]
	switch {
	case !g.mistakes():
	case g.number == mistakeOnDay:
		g.mistake(keeps, sells)
	case g.number == mistakeSoldDay:
		g.sell(sells, mistakeAsset, 0)
	case g.number == mistakeEndsDay:
		g.mend(keeps, sells)
	}
}

// show gives the last record of the wave its line in the report.
func (w *Wave) show(what string) { w.last().About = what }

func (w *Wave) last() *Record { return &w.Records[len(w.Records)-1] }

// repeats sends an instruction twice, then once more with another content; and cancels in time, too late, and what is unknown.
func (g *generator) repeats() {
	first := g.instruct(portal, &g.pots[0], "buy-1", &ingest.Buy{Asset: "AAPL", Cash: 100_00})
	g.place(g.atBuying(), &g.pots[0], "AAPL", 100_00)
	g.atSecond().add(instructionRecord(first, Answer{State: "accepted", Duplicate: true}))
	g.atSecond().show("the same buy sent twice")
	other := g.instruct(portal, &g.pots[0], "buy-1", &ingest.Buy{Asset: "AAPL", Cash: 200_00})
	g.atSecond().add(instructionRecord(other, Answer{State: "rejected", Code: "pot/conflicting-duplicate", Duplicate: true}))
	g.atSecond().show("the same id with another amount")

	id := g.place(g.atBuying(), &g.pots[2], "MSFT", 250_00)
	g.atBuying().show("a buy that is cancelled before its cut-off")
	g.cancelInTime(g.atSecond(), &g.pots[2], id, "MSFT", 250_00)
	g.atSecond().show("the cancellation")
	id = g.place(g.atBuying(), &g.pots[3], "AAPL", 300_00)
	g.cancelLate(g.atHalfPast(), &g.pots[3], id)
	g.atHalfPast().show("a cancellation after the cut-off")
}

// cutOffs sends buys in the very millisecond of a cut-off, and after it.
func (g *generator) cutOffs() {
	g.place(g.atHalfTen(), &g.pots[5], "MSFT", 120_00)
	g.atHalfTen().show("a buy at 10:30:00.000 sharp, cut-off 10:30 exclusive")
	g.place(g.atNoon(), &g.pots[5], "IBM", 120_00)
	g.atNoon().show("a buy at 12:00:00.000 sharp, cut-off 12:00 inclusive")
	g.place(g.atNoon(), &g.pots[5], "AAPL", 120_00)
	g.atNoon().show("a buy at 12:00:00.000 sharp, cut-off 12:00 exclusive")
	g.place(g.atHalfPast(), &g.pots[4], "AAPL", 150_00)
	g.atHalfPast().show("a buy after the cut-off: the next day, after Easter")
	g.place(g.atBuying(), &g.pots[8], "GOOG", 180_00)
	g.atBuying().show("a buy in another partition than its key's")
	g.atBuying().last().Elsewhere = true
}

// unfit sends what can be read and cannot be done.
func (g *generator) unfit() {
	w := g.atSecond()
	today := g.day.Date
	refuse := func(about string, code schemas.Code, i *ingest.Instruction) {
		w.add(instructionRecord(i, rejected(code)))
		w.show(about)
	}
	p := &g.pots[1]
	refuse("a buy for more than there is", "pot/cash-not-available", g.instruct(portal, p, "rich", &ingest.Buy{Asset: "GOOG", Cash: 5000_00}))
	refuse("a buy of an asset that is not known", "pot/unknown-asset", g.instruct(portal, p, "typo", &ingest.Buy{Asset: "APPL", Cash: 10_00}))
	refuse("a buy for nothing", "intake/not-positive", g.instruct(portal, p, "zero", &ingest.Buy{Asset: "AAPL"}))
	refuse("a split that does not sum to 1", "intake/bad-split", g.instruct(payroll, p, "split", &ingest.Contribution{
		Cash: 90_00, Split: []ingest.SplitPart{{Asset: "AAPL", Weight: 500_000}, {Asset: "IBM", Weight: 400_000}},
	}))
	refuse("a cancellation of what was never sent", "pot/unknown-instruction", g.instruct(portal, p, "undo", &ingest.Cancel{Instruction: "nothing"}))
	refuse("an opening of a pot that is open", "pot/already-open", g.instruct(portal, p, "open", &ingest.PotOpened{}))
	stranger := &potModel{id: "pot-nobody"}
	refuse("a buy for a pot that is not open", "pot/not-open", g.instruct(portal, stranger, "who", &ingest.Buy{Asset: "AAPL", Cash: 10_00}))
	tomorrow := g.instruct(portal, p, "early", &ingest.Buy{Asset: "AAPL", Cash: 10_00})
	tomorrow.InstructedOn = today + 1
	refuse("an instruction dated tomorrow", "pot/dated-in-future", tomorrow)
	old := g.instruct(portal, p, "old", &ingest.Buy{Asset: "AAPL", Cash: 10_00})
	old.InstructedOn = today - backdatingDays - 1
	refuse("an instruction dated 91 days back", "pot/dated-too-far-back", old)
}

// unknownSchema is an id that no registry here ever gave out.
const unknownSchema = 999_999

// unreadable sends what cannot be read, or may not be sent.
func (g *generator) unreadable() {
	w := g.atSecond()
	raw := func(about string, code schemas.Code, key string, bytesOf func(frame []byte) []byte) {
		w.add(Record{About: about, Topic: streams.IngestInstruction, Key: key, Raw: bytesOf, Rejected: code})
	}
	fine := g.instruct(portal, &g.pots[1], "fine", &ingest.Buy{Asset: "AAPL", Cash: 10_00}).AppendAvro(nil)
	id := string(g.pots[1].id)
	raw("bytes that are no Avro", "intake/undecodable", id, func([]byte) []byte { return []byte("please buy some apples") })
	raw("a record that is cut short", "intake/undecodable", id, func(frame []byte) []byte { return append(frame, fine[:len(fine)/2]...) })
	raw("a schema that the registry does not know", "intake/unknown-schema", id, func([]byte) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{0}, unknownSchema), fine...)
	})
	raw("a record of more than 64 KiB", "intake/too-large", id, func(frame []byte) []byte {
		return append(frame, bytes.Repeat([]byte{'x'}, streams.IngestRecordBytesMax)...)
	})
	raw("a key that only the pipeline may use", "intake/reserved-key", "!1", func(frame []byte) []byte { return append(frame, fine...) })
}

// TradeID is the id of the external trade of a day's buys: derived from what makes it that trade.
func TradeID(day schemas.Date, fund Fund) schemas.ID {
	return schemas.DeriveID("trade", day.String(), string(fund.Custodian), string(fund.Code), "BUY")
}

func confirmationRecord(about string, code schemas.Code, c *ingest.Confirmation) Record {
	return Record{About: about, Topic: streams.IngestConfirmation, Key: c.Trade.String(), Value: c, Rejected: code}
}

// strays sends confirmations and prices that fit nothing, after the day's trades are placed and before they are dealt.
func (g *generator) strays() {
	w := g.atHalfPast()
	fund := fundNamed("AAPL")
	trade := TradeID(g.day.Date, fund)
	price := g.market.closes[fund.Code][g.day.Date]
	stray := func(id string, trade schemas.ID, body ingest.ConfirmationBody) *ingest.Confirmation {
		return &ingest.Confirmation{Custodian: fund.Custodian, ID: id, Trade: trade, Body: body}
	}
	w.add(confirmationRecord("a confirmation of a trade that does not exist", "dealing/unknown-trade",
		stray("stray-1", schemas.DeriveID("no such trade"), &ingest.TradeRejected{Reason: "?"})))
	w.add(confirmationRecord("a fill at another price than the close", "dealing/price-mismatch",
		stray("stray-2", trade, &ingest.FillPriced{Piece: 1, Cash: 10_00, Units: 100_000, Price: price + 1_000_000})))
	w.last().AtClose = true
	w.add(confirmationRecord("a fill of more than was ordered", "dealing/overfill",
		stray("stray-3", trade, &ingest.FillPriced{Piece: 1, Cash: 90_000_000_00, Units: 100_000, Price: price})))
	w.last().AtClose = true
	other := g.market.Prices(g.dealing[0])[0]
	other.Close += 1_000_000
	w.add(priceRecord("another close for a day that has one", "dealing/price-differs", &other))
	pence := g.market.Prices(g.dealing[0])[0]
	pence.Quotation = reference.QuotationPence
	w.add(priceRecord("a close in pence where pounds are agreed", "dealing/quotation-differs", &pence))
	ahead := g.market.Prices(g.dealing[0])[0]
	ahead.Date = g.day.Date + 7
	w.add(priceRecord("a close of a day that is still to come", "dealing/price-dated-in-future", &ahead))
}

func priceRecord(about string, code schemas.Code, p *ingest.Price) Record {
	return Record{About: about, Topic: streams.IngestPrice, Key: string(p.Asset), Value: p, Rejected: code}
}

// again settles a trade a second time, and releases a price that nobody holds back.
func (g *generator) again() {
	w := g.atHalfPast()
	first := g.dealing[0]
	fund := fundNamed(piecesAsset)
	w.add(confirmationRecord("a second settlement of a settled trade", "dealing/trade-settled", &ingest.Confirmation{
		Custodian: fund.Custodian, ID: "stray-4", Trade: TradeID(first, fund), Body: &ingest.TradeSettled{SettledOn: g.day.Date},
	}))
	release := &ingest.Operation{Operator: "duty-manager", ID: "release-nothing", Reason: "demo", Body: &ingest.PriceRelease{
		Asset: fund.Code, Date: first, Price: g.market.closes[fund.Code][first],
	}}
	w.add(Record{About: "the release of a price that is not parked", Topic: streams.IngestOperator, Key: "operator", Value: release, Rejected: "dealing/no-parked-price"})
}

package model

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Line is what one line of a scenario says happened.
type Line interface {
	Get(key, missing string) string
	Has(key string) bool
}

// World is all that the model knows.
type World struct {
	Books Books
	// Told are the answers that the last line led to: pot, instruction, state, code, and whether it had been answered before.
	Told []string
	// Specie is what the last line led to of units in specie: how they were booked, what custodians were told to do, and what of theirs was refused.
	Specie []string

	shards  int
	shardOf func(pot string) int

	now      time.Time
	zone     *time.Location
	platform string
	backDays int
	// reviewAbove is how much cash may be asked for without a person looking at it, nil where that is any, and reviewDays how long it waits for one.
	reviewAbove *big.Rat
	reviewDays  int
	sellPart    int // of what units were worth, in hundredths of a percent, a sell may ask for
	calendars   map[string]*calendar
	assets      map[string]rows
	paths       map[string][]rowsFrom
	closed      map[string]day // by asset, the last day that is closed
	prices      map[string]map[day]*price
	pots        map[string]*pot
	batches     []*batch
	payments    []*payment
	// references are the names under which cash comes in.
	references map[string]*reference
	accrued    day // the last day for which the annual charge accrued
	yearly     []*yearly
	begun      day // the last day that has begun by the rows of the annual charge

	events []*event // that are not done
	splits []*event // all that were declared
	// halted is, by asset, the day from which on it does not deal, because it is split or merged; merged says that it is, or will be, no more.
	halted     map[string]day
	merged     map[string]bool
	converted  map[string]day   // by asset, the day of the last split or merger that is done
	exchanged  map[string]day   // by asset, the day from which there are no more units of before, as they were split or merged
	carriedTo  map[string][]day // by asset, the days to which orders were carried
	charges    int              // sales for charges so far
	reinvested int              // buys with income so far
	runs       int              // of re-balancing so far
	rebalanced day              // the day of the last one
	ticked     day              // how far all clocks have come
	ended      bool             // a day has closed, or a batch or a delivery has come to its end, since events were looked at
}

// New returns the model of a trust whose pots are spread over so many shards, as shardOf says.
func New(shards int, shardOf func(pot string) int) *World {
	return &World{
		Books: make(Books), shards: shards, shardOf: shardOf, zone: time.UTC,
		calendars: make(map[string]*calendar), assets: make(map[string]rows), paths: make(map[string][]rowsFrom), closed: make(map[string]day),
		prices: make(map[string]map[day]*price), pots: make(map[string]*pot),
		references: make(map[string]*reference), halted: make(map[string]day), merged: make(map[string]bool), converted: make(map[string]day), exchanged: make(map[string]day),
		carriedTo: make(map[string][]day),
	}
}

// Tell lets a line happen.
func (w *World) Tell(at time.Time, kind string, line Line) {
	w.now, w.Told, w.Specie = at, nil, nil
	switch kind {
	case "Calendar", "Settings", "Asset", "Custodian":
		w.learn(kind, line)
	case "GlidePath":
		w.learnPath(line)
	case "Tick":
		w.tick()
	case "Price":
		w.price(line)
	case "Release", "Refusal":
		w.judge(kind, line)
	case "PriceCorrection":
		w.correct(line)
	case "Fill", "Settled", "Rejected", "Deferred", "SettlementFailed":
		w.confirmed(kind, line)
	case "ReviewRelease", "ReviewRefusal":
		w.review(kind, line)
	case "GiveUp":
		w.giveUp(line)
	case "Distribution":
		w.income(line)
	case "UnitSplit", "FundMerger":
		w.announce(kind, line)
	case "FlatFee":
		w.charge(line)
	case "ChargeAccrual":
		w.accrue(line)
	case "ChargeCollection":
		w.collect(line)
	case "AnnualCharge":
		w.schedule(line)
	case "Reversal":
		w.reverse(line)
	case "CashReceived":
		w.received(line)
	case "Refund":
		w.refund(line)
	case "Rebalancing":
		w.rebalance(line)
	case "UnitsAnnounced", "UnitsDelivered", "DeliveryFailed":
		w.handed(kind, line)
	case "PaymentSent", "PaymentPaid", "PaymentBounced":
		w.noticed(kind, line)
	default:
		w.instructed(kind, line)
	}
	w.leave()
	w.advance()
}

func (w *World) learn(kind string, line Line) {
	switch kind {
	case "Calendar":
		c := &calendar{first: w.dateIn(line, "from"), last: w.dateIn(line, "through"), closed: make(map[day]bool)}
		for _, d := range strings.FieldsFunc(line.Get("closed", ""), func(r rune) bool { return r == ',' }) {
			c.closed[day(d)] = true
		}
		w.calendars[line.Get("name", "platform")] = c
	case "Settings":
		w.platform, w.backDays = line.Get("calendar", "platform"), whole(line, "backdating", "90")
		if line.Has("review-above") {
			w.reviewAbove, w.reviewDays = number(line.Get("review-above", "0")), whole(line, "review-days", "30")
		}
		w.sellPart = whole(line, "sell-cash-bps", "9000")
		zone, err := time.LoadLocation(line.Get("zone", "Europe/London"))
		if err != nil {
			panic("model: " + err.Error())
		}
		w.zone = zone
	case "Asset":
		code := line.Get("asset", "GB00X")
		if w.assets[code] == nil {
			w.closed[code] = w.today().plus(-1)
		}
		w.assets[code] = append(w.assets[code], &asset{
			from: w.dateIn(line, "from"), custodian: line.Get("custodian", "CREST"), calendar: line.Get("calendar", "platform"),
			units: whole(line, "scale", "3"), prices: whole(line, "price-scale", "4"), lag: whole(line, "lag", "2"),
			requeue: line.Has("requeue"), pence: line.Has("pence"), inclusive: line.Has("inclusive"), cutOff: line.Get("cut-off", "12:00"), tolerance: line.Get("tolerance", "0.1"),
		})
	}
}

// dateIn reads a date; missing, it is that of the line.
func (w *World) dateIn(line Line, name string) day { return day(line.Get(name, w.now.Format(dayForm))) }

func whole(line Line, name, missing string) int {
	n, err := strconv.Atoi(line.Get(name, missing))
	if err != nil {
		panic(fmt.Sprintf("model: %s: %v", name, err))
	}
	return n
}

// tell notes an answer.
func (w *World) tell(pot, id, state, code string, duplicate bool) {
	line := fmt.Sprintf("%s %s %s", pot, id, state)
	if code != "" {
		line += " " + code
	}
	if duplicate {
		line += " again"
	}
	w.Told = append(w.Told, line)
	slices.Sort(w.Told)
}

// move books a quantity in the pot's name. Nothing is booked for nothing.
func (w *World) move(pot, asset, from, to string, quantity *big.Rat) {
	w.Books.Move(w.shardOf(pot), pot, asset, from, to, quantity)
}

package demo

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
)

// lineMax is how wide the text may be.
const lineMax = 100

// Printer writes a report for people, day by day as it comes. The first error of the writer is kept, and returned by Err.
type Printer struct {
	w      io.Writer
	err    error
	titled bool
}

// NewPrinter makes a printer.
func NewPrinter(w io.Writer) *Printer { return &Printer{w: w} }

// Err returns the first error of the writer.
func (p *Printer) Err() error { return p.err }

func (p *Printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf(format, args...), " "))
	}
}

// The columns of the external trades.
const (
	headColumns  = "  %-5s%7s%15s%17s  %-10s%17s  %s"
	tradeColumns = "  %-5s%7s%15s%17s  %10s%17s  %s"
)

// Title writes what is about to be shown, and after what time the stack was up.
func (p *Printer) Title(w *Workload, started time.Duration) {
	p.line("penstock demo: %s members, %s from %s, seed %d", group(w.Members), dealingDays(w.dealingDays()), w.Days[0].Date, w.Seed)
	p.line("Time is simulated; the embedded stack was up after %s s.", seconds(started.Milliseconds()))
	p.line("")
}

// Day writes one weekday.
func (p *Printer) Day(d *DayReport) {
	name := d.Weekday + " " + d.Date
	switch {
	case d.Holiday != "":
		p.line("%s  London is closed: %s", name, d.Holiday)
	case d.Sent == 0:
		p.line("%s  no instructions", name)
	default:
		p.line("%s  %s records from outside: %s accepted, %s refused", name, group(d.Sent), group(d.Accepted), group(d.Refused))
	}
	p.notes(d, func(note string) bool {
		return strings.HasPrefix(note, "released") || strings.HasPrefix(note, "settled")
	})
	if len(d.Trades) > 0 && !p.titled {
		p.line(headColumns, "", "orders", "of members", "external trade", "     price", "units     ", "settles")
		p.titled = true
	}
	for _, t := range d.Trades {
		p.trade(t)
	}
	p.notes(d, func(note string) bool {
		return !strings.HasPrefix(note, "released") && !strings.HasPrefix(note, "settled")
	})
	for _, c := range d.Corrections {
		p.correction(c)
	}
	p.line("")
}

// planLinesMax is how many pots of a plan are written.
const planLinesMax = 20

// correction writes the plan of a correction, as the command has it, and that it was carried out.
func (p *Printer) correction(c *CorrectionReport) {
	p.line("  $ penstock correct price %s %s %s %s", c.Asset, c.Date, c.Old, c.New)
	p.line("    %-12s%8s%10s  %-14s%12s%12s%12s", "pot", "orders", "postings", "of", "was", "would be", "made good")
	orders, postings := int64(0), int64(0)
	for i, pot := range c.Plan {
		orders, postings = orders+pot.Orders, postings+pot.Postings
		if i < planLinesMax {
			p.line("    %-12s%8d%10d  %-14s%12s%12s%12s", pot.Pot, pot.Orders, pot.Postings, pot.What, pot.Was, pot.Would, pot.Missing)
		}
	}
	if more := len(c.Plan) - planLinesMax; more > 0 {
		p.line("    and %s more", group(more))
	}
	p.line("    %s pots, %s orders, %s postings to be negated", group(len(c.Plan)), group(orders), group(postings))
	p.line("  the same with --execute: corrected")
}

// notes writes those notes of the day that wanted picks: what the morning brought stands before the trades, the rest behind.
func (p *Printer) notes(d *DayReport, wanted func(string) bool) {
	for _, note := range d.Notes {
		if wanted(note) {
			p.wrapped("  ", "    ", note)
		}
	}
}

func (p *Printer) trade(t *TradeReport) {
	price, units, remark := t.Price, alignUnits(t.Units), ""
	switch t.State {
	case "waits":
		price = "waits"
	case "rejected", "deferred":
		price = t.State
	}
	if t.Pieces > 1 {
		remark = fmt.Sprintf("  in %d pieces", t.Pieces)
	}
	if t.Sell {
		remark += "  sold for " + group(t.Cash)
	}
	if !t.Equal {
		remark += "  DIFFERS"
	}
	settles := t.SettlesOn
	if t.State == "rejected" || t.State == "deferred" {
		settles = ""
	}
	p.line(tradeColumns, t.Asset, group(t.PlacedOrders), group(t.MemberOrders), group(t.Placed), price, units, settles+remark)
}

// alignUnits pads units to six decimals, so that the points of all assets stand in one column.
func alignUnits(units string) string {
	_, decimals, ok := strings.Cut(units, ".")
	if !ok {
		return units
	}
	return group(units) + strings.Repeat(" ", max(0, 6-len(decimals)))
}

// Summary writes what stands at the end: the cases, the totals and the checks.
func (p *Printer) Summary(r *Report) {
	p.cases(r)
	p.stories(r)
	p.totals(&r.Totals)
	p.checks(r)
}

func (p *Printer) cases(r *Report) {
	p.line("What was sent on purpose, and what became of it")
	for _, c := range r.Cases {
		p.line("  %s %-52s %s", mark(c.OK), c.About, c.Got)
		if !c.OK {
			p.line("       %-52s must be: %s", "", c.Want)
		}
	}
	p.line("")
}

func (p *Printer) stories(r *Report) {
	p.line("What takes several steps (journal 2/17 is the 17th of shard 2)")
	for _, s := range r.Stories {
		p.wrapped(fmt.Sprintf("  %s %s: ", mark(s.OK), s.Title), "       ", s.Asked)
		p.wrapped("       ", "       ", s.Means)
		for i := range s.Steps {
			p.step(&s.Steps[i])
		}
	}
	p.line("")
}

func (p *Printer) step(s *StepReport) {
	what := s.Quantity
	if s.Asset != schemas.Cash {
		what += " " + string(s.Asset)
	}
	if s.Journal != "" {
		where := "journal " + s.Journal
		if s.Postings > 1 {
			where = fmt.Sprintf("%s journals to %s", group(s.Postings), s.Journal)
		}
		p.line("       %s  %17s  %-34s %s", s.On, group(what), s.Words, where)
	}
	if s.Wrong != "" {
		p.wrapped("       ", "       ", s.Words+": "+s.Wrong)
	}
}

func mark(ok bool) string {
	if ok {
		return "ok  "
	}
	return "FAIL"
}

func (p *Printer) totals(t *Totals) {
	p.line("Where it all is now")
	p.line("  %-6s%8s%9s%16s%18s%18s%16s", "", "trades", "orders", "paid", "units     ", "in pots     ", "rounding     ")
	for _, a := range t.Assets {
		p.line("  %-6s%8s%9s%16s%18s%18s%16s", a.Asset, group(a.Trades), group(a.Orders), group(a.Spent),
			alignUnits(a.Bought), alignUnits(a.Members), alignUnits(a.Rounding))
	}
	for _, a := range t.Assets {
		if a.MadeGood != "" {
			p.line("  %s: %s of the units in pots are what the scheme made good", a.Asset, a.MadeGood)
		}
	}
	c := &t.Cash
	p.wrapped("  cash: ", "        ", fmt.Sprintf("%s paid in + %s transferred in + %s from sales + %s income",
		group(c.PaidIn), group(c.Transferred), group(c.Proceeds), group(c.Income)))
	p.wrapped("        = ", "          ", fmt.Sprintf("%s invested + %s paid out + %s charged + %s available in pots",
		group(c.Spent), group(c.Withdrawn), group(c.Charges), group(c.Available)))
	p.line("        %s still reserved, %s in the scheme's rounding account", group(c.Reserved), group(c.Rounding))
	p.line("")
}

func (p *Printer) checks(r *Report) {
	p.line("What must hold, and on what it was checked")
	failed := 0
	section := ""
	for i := range r.Checks {
		c := &r.Checks[i]
		if next := sectionOf(c, section); next != section {
			section = next
			p.line("  %s", section)
		}
		if !c.OK {
			failed++
		}
		p.check(c)
	}
	p.line("")
	if failed > 0 {
		p.line("%d of %d checks FAIL.", failed, len(r.Checks))
		return
	}
	p.line("All %d checks hold: %s members, %s, seed %d, in %s s.", len(r.Checks), group(r.Members), dealingDays(r.DealingDays), r.Seed, seconds(r.Milliseconds))
}

// The parts of the list of checks. Those in Postgres come last.
const (
	sectionOwn    = "worked out by the demo before anything was sent"
	sectionTopics = "from the records on the topics, by number in the catalogue of invariants"
	sectionStored = "in Postgres"
)

func sectionOf(c *invariants.Result, current string) string {
	switch {
	case current == sectionStored || strings.HasPrefix(c.Name, storedPrefix):
		return sectionStored
	case c.Number > 0:
		return sectionTopics
	}
	return sectionOwn
}

func (p *Printer) check(c *invariants.Result) {
	number := ""
	if c.Number > 0 {
		number = strconv.Itoa(c.Number)
	}
	text := strings.TrimPrefix(c.Name, storedPrefix) + " (" + groupWords(c.CheckedOn) + ")"
	p.wrapped(fmt.Sprintf("  %s %2s  ", mark(c.OK), number), "           ", text)
	if !c.OK {
		p.wrapped("           ", "           ", c.Detail)
	}
}

// groupWords puts commas into the counts of a text.
func groupWords(text string) string {
	words := strings.Fields(text)
	for i, word := range words {
		if _, err := strconv.Atoi(word); err == nil {
			words[i] = group(word)
		}
	}
	return strings.Join(words, " ")
}

// wrapped writes text in lines that fit, the first one behind first, the others behind rest.
func (p *Printer) wrapped(first, rest, text string) {
	line := first
	empty := true
	for _, word := range strings.Fields(text) {
		if !empty && len(line)+1+len(word) > lineMax {
			p.line("%s", line)
			line, empty = rest, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	p.line("%s", line)
}

func dealingDays(n int) string {
	if n == 1 {
		return "1 dealing day"
	}
	return fmt.Sprintf("%d dealing days", n)
}

// seconds writes milliseconds with one decimal, rounded down.
func seconds(milliseconds int64) string {
	return fmt.Sprintf("%d.%d", milliseconds/1000, milliseconds%1000/100)
}

// group writes a count, or a decimal number in text, with commas in its whole part.
func group[T int | int64 | string](number T) string {
	text := fmt.Sprint(number)
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	whole, decimals, fraction := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction {
		return sign + whole + "." + decimals
	}
	return sign + whole
}

package invariants

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/status"
)

// Received is an instruction that says enough to be answered, and when it was received. A tick is none; nor is what could not
// be read, came under a key of the pipeline's own, or names no sender, id or pot that could be one.
type Received struct {
	ReceivedAt  schemas.Instant
	Instruction *ingest.Instruction
}

// Operation is what an operator did, where its record lies on its topic, and when it was received.
type Operation struct {
	Partition  int32
	Offset     int64
	ReceivedAt schemas.Instant
	*ingest.Operation
}

// Charge is a row of the annual charge, and where its record lies on its topic.
type Charge struct {
	Partition int32
	Offset    int64
	*reference.AnnualCharge
}

// Input is all that a check looks at. Records of one key stand in the order in which they were written; those of journals,
// of one shard, may stand in any order.
type Input struct {
	// Shards is the number of shards of pots.
	Shards        int32
	Journals      []*ledger.Journal
	Trades        []*ledger.Trade
	Statuses      []*status.InstructionStatus
	Instructions  []Received
	Orders        []*custodian.CustodianOrder
	Deliveries    []*custodian.DeliveryOrder
	Confirmations []*ingest.Confirmation
	Prices        []*ingest.Price
	Operations    []Operation
	Reference     []*reference.Entry
	// Refused is all that was refused, whoever sent it.
	Refused []*audit.Rejection
	// Frozen are the orders that shards froze, in each shard's order. Every batch that was dealt must be among them.
	Frozen []*audit.FrozenOrders
	// Charges are the rows of the annual charge among all reference data that were sent.
	Charges []Charge
}

// Result is what one invariant came to.
type Result struct {
	// Number is the invariant's number in the catalogue of the trade's rules.
	Number int `json:"number"`
	// Name says in a few words what must hold.
	Name string `json:"name"`
	// CheckedOn says what it was checked on, with counts.
	CheckedOn string `json:"checkedOn"`
	OK        bool   `json:"ok"`
	// Detail says what is wrong, or what else a reader should know.
	Detail string `json:"detail,omitempty"`
}

// Check judges every invariant that can be judged from the input, in the order of their numbers.
func Check(in Input) []Result {
	f := gather(&in)
	var results []Result
	for _, checks := range [][]*finding{f.checkShape(), f.checkBalances(), f.checkInstructions(), f.checkOrders(), f.checkChoices(), f.checkSwitches(), f.checkDays(), f.checkAllocation(), f.checkControls(), f.checkBank(), f.checkSpecie(), f.checkCorrections(), f.checkCorrected(), f.checkDeclared(), f.checkFees(), f.checkRebalanced(), {f.checkScheduled()}, f.checkClosed()} {
		for _, c := range checks {
			results = append(results, c.result())
		}
	}
	slices.SortStableFunc(results, func(a, b Result) int { return cmp.Compare(a.Number, b.Number) })
	return results
}

// detailsMax is how many problems of one invariant are told; the rest is only counted.
const detailsMax = 5

// finding collects what one invariant comes to.
type finding struct {
	number   int
	name     string
	counts   []string
	problems []string
	wrong    int
	note     string
}

// on adds to what the invariant was checked on.
func (c *finding) on(count int, what string) *finding {
	c.counts = append(c.counts, fmt.Sprintf("%d %s", count, what))
	return c
}

func (c *finding) fail(format string, args ...any) {
	c.wrong++
	if len(c.problems) < detailsMax {
		c.problems = append(c.problems, fmt.Sprintf(format, args...))
	}
}

func (c *finding) result() Result {
	detail := c.note
	if c.wrong > 0 {
		detail = strings.Join(c.problems, "; ")
		if more := c.wrong - len(c.problems); more > 0 {
			detail += fmt.Sprintf("; and %d more", more)
		}
	}
	return Result{c.number, c.name, strings.Join(c.counts, ", "), c.wrong == 0, detail}
}

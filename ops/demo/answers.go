package demo

import (
	"fmt"
	"strings"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
)

// The names of the demo's own checks. They have no number in the catalogue of invariants.
const (
	checkAnswers = "every record got exactly the answer that was worked out for it beforehand"
	checkTrades  = "every external trade is what the members' orders of its day add up to"
	checkCash    = "the pots' uninvested cash is what was worked out beforehand"
	checkLeft    = "a pot that is transferred out has nothing left in any account"
)

// problemsMax is how many problems of one check are told.
const problemsMax = 5

// verdict collects what one of the demo's checks comes to.
type verdict struct {
	invariants.Result
	problems []string
}

func newVerdict(name, checkedOn string, args ...any) *verdict {
	return &verdict{Result: invariants.Result{Name: name, CheckedOn: fmt.Sprintf(checkedOn, args...), OK: true}}
}

func (v *verdict) fail(format string, args ...any) {
	v.OK = false
	if len(v.problems) < problemsMax {
		v.problems = append(v.problems, fmt.Sprintf(format, args...))
	}
}

func (v *verdict) result() invariants.Result {
	v.Detail = strings.Join(v.problems, "; ")
	return v.Result
}

// judge compares every answer, and every external trade, with what it must be.
func (r *Session) judge() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	answers := newVerdict(checkAnswers, "%d records, %d rejections", len(r.records), r.refused)
	refused := 0
	for i := range r.records {
		s := &r.records[i]
		if s.Rejected != "" {
			refused++
		}
		want, got := s.want(r.Workload.Ends[s.Instruction]), r.got(s)
		if want != got {
			answers.fail("%s at %s: want %s, got %s", s.Key, s.at, want, got)
		}
		if s.About != "" {
			r.report.Cases = append(r.report.Cases, Case{About: s.About, Want: want, Got: got, OK: want == got})
		}
	}
	if refused != r.refused {
		answers.fail("%d rejections were expected, %d came", refused, r.refused)
	}
	r.report.Checks = append(r.report.Checks, answers.result(), r.judgeTrades())
}

// judgeTrades compares the external trades with the orders that they must be made of.
func (r *Session) judgeTrades() invariants.Result {
	placed := 0
	for _, view := range r.trades {
		if view.order != nil {
			placed++
		}
	}
	trades := newVerdict(checkTrades, "%d external trades", placed)
	expected := 0
	for _, day := range r.report.Days {
		for _, t := range day.Trades {
			expected++
			if !t.Equal {
				trades.fail("%s of %s: %d orders for %s became a trade of %d orders for %s", t.Asset, day.Date, t.Orders, t.MemberOrders, t.PlacedOrders, t.Placed)
			}
		}
	}
	if placed != expected {
		trades.fail("%d trades were expected, %d were placed", expected, placed)
	}
	return trades.result()
}

// want writes an expected answer in words.
func (s *sent) want(end schemas.Code) string {
	switch {
	case s.isTaken():
		return "taken"
	case s.Answer.State == "":
		return "rejected " + string(s.Rejected)
	}
	if s.Answer.Duplicate {
		end = ""
	}
	return answerText(s.Answer, end)
}

// got writes in the same words what was told. Each record that was refused has exactly one rejection.
func (r *Session) got(s *sent) string {
	var codes []string
	for _, code := range r.rejections[s.at] {
		codes = append(codes, string(code))
	}
	refused := strings.Join(codes, " and ")
	switch {
	case s.isTaken() && refused == "":
		return "taken"
	case s.Answer.State == "":
		return "rejected " + refused
	}
	answer := r.answer(s)
	if string(answer.Code) != refused {
		return fmt.Sprintf("told %q, and rejected %q", answer.Code, refused)
	}
	end := r.fates[s.Instruction].last
	if answer.Duplicate || answer.State == "rejected" {
		end = ""
	}
	return answerText(answer, end)
}

// answerText writes an answer, and how the instruction ended where that is more.
func answerText(a Answer, end schemas.Code) string {
	text := string(a.State)
	if a.Duplicate {
		text = "again " + text
	}
	if a.Code != "" {
		text += " " + string(a.Code)
	}
	if a.Day != 0 {
		text += " for " + a.Day.String()
	}
	if end != "" && end != a.State {
		text += ", " + string(end)
	}
	return text
}

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

func newReverse() *cobra.Command {
	var a act
	cmd := &cobra.Command{
		Use:     "reverse JOURNAL",
		GroupID: groupLook,
		Short:   "Reverse a journal by which a pot came to cash or was charged, once",
		Long: `Prints the journal as the ledger has it, and which of its postings would be negated; acts only with --execute. Cash that came by a contribution, a transfer in, a
distribution or as compensation is taken back, a charge is given back, on the journal's own effective date. What orders, batches, payments and events on units booked is not
reversed: the refusal says what undoes it instead. A refusal by the pot is told on audit.rejection.v1.`,
		Example: `  penstock reverse 663004f8-a1ff-5323-9bd1-f0683f832fdd --operator anna --reason "returned by the bank" --execute`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.reverse(cmd, args[0]) },
	}
	a.flags(cmd)
	return cmd
}

func (a *act) reverse(cmd *cobra.Command, name string) error {
	id, err := schemas.ParseID(name)
	if err != nil {
		return fmt.Errorf("journal %q: %w; see: penstock trace", name, err)
	}
	pool, err := a.auditor(cmd.Context())
	if err != nil {
		return err
	}
	defer pool.Close()
	trace, err := postgres.FindTrace(cmd.Context(), pool, id.String())
	if err != nil {
		return err
	}
	for i := range trace.Journals {
		j := &trace.Journals[i]
		if j.ID != id {
			continue
		}
		if j.Pot == nil {
			return fmt.Errorf("journal %s is of shard %d and of no pot: it cannot be reversed; %s", id, j.Shard, insteadOf(j))
		}
		out := cmd.OutOrStdout()
		negated := 0
		for n := range j.Postings {
			p := &j.Postings[n]
			what := "stays"
			if pot.Reversible(p) {
				what, negated = "negated", negated+1
			}
			fmt.Fprintf(out, "%-8s %-12s %18s  %s -> %s  effective %s\n", what, p.Stage, quantity(p), p.From, p.To, p.EffectiveOn)
		}
		if negated == 0 {
			return fmt.Errorf("journal %s brought no cash that no order serves, and took no charge: it cannot be reversed; %s", id, insteadOf(j))
		}
		return a.run(cmd, fmt.Sprintf("reverse journal %s of pot %s", id, *j.Pot), &ingest.JournalReversal{Pot: *j.Pot, Journal: id})
	}
	return fmt.Errorf("%s is no journal; see: penstock trace %s", id, id)
}

// insteadOf says what undoes what the journal booked, by the stages of its postings.
func insteadOf(j *ledger.Journal) string {
	var said []string
	for i := range j.Postings {
		stage := j.Postings[i].Stage
		act, _ := pot.Instead(stage)
		if act == "" {
			act = "reverse the pot's journal"
		}
		if told := fmt.Sprintf("what is %s: %s", stage, act); !slices.Contains(said, told) {
			said = append(said, told)
		}
	}
	return strings.Join(said, "; ")
}

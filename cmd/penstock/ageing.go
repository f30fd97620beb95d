package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/ageing"
	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// ageingReport is what the flags of the ageing report say.
type ageingReport struct {
	target
	on     string
	days   int
	asJSON bool
}

func newAgeing() *cobra.Command {
	var a ageingReport
	cmd := &cobra.Command{
		Use:     "ageing",
		GroupID: groupLook,
		Short:   "List the instructions that have not come to their end, the oldest first",
		Long: `Every accepted instruction ends in exactly one state, or stands in this report, with what it waits for: a price, a settlement, the bank, cash under a reference, a
person's release. It reads the states of all pots from their changelog to its end, so it knows of every shard, also of one that nobody runs. What has not been decided yet is
not in it: see penstock status and penstock parked list. Ages are days since the instruction's own date. The exit status is 0 whether or not anything is listed.`,
		Example: `  penstock ageing
  penstock ageing --days 5
  penstock ageing --on 2008-03-31 --json | jq -r '.[] | [.pot, .instruction, .age_days, .waits_for] | @tsv'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	a.flags(cmd)
	cmd.Flags().StringVar(&a.on, "on", "", "day on which ages are counted (default: today by the instance's clock, in UTC)")
	cmd.Flags().IntVar(&a.days, "days", 0, "leave out what is younger than this")
	cmd.Flags().BoolVar(&a.asJSON, "json", false, "print JSON")
	return cmd
}

func (a *ageingReport) run(ctx context.Context, out io.Writer) error {
	today, err := a.today(ctx)
	if err != nil {
		return err
	}
	connection, registry, err := a.reached(ctx)
	if err != nil {
		return err
	}
	fold, err := foldPots(ctx, connection, registry)
	if err != nil {
		return err
	}
	items := fold.Items(today, a.days)
	if a.asJSON {
		return printJSON(out, items)
	}
	if len(items) == 0 {
		_, err := fmt.Fprintln(out, "nothing is under way that is as old")
		return err
	}
	t := newTable(out, "pot", "source", "instruction", "state", "given on", "age", "waits for")
	for i := range items {
		item := &items[i]
		t.row(item.Pot, item.Source, item.Instruction, item.State, item.GivenOn, item.AgeDays, item.WaitsFor)
	}
	return t.flush()
}

// today is the day on which ages are counted.
func (a *ageingReport) today(ctx context.Context) (schemas.Date, error) {
	if a.on != "" {
		day, err := schemas.ParseDate(a.on)
		if err != nil {
			return 0, fmt.Errorf("--on %q: %w; write it as 2008-03-31", a.on, err)
		}
		return day, nil
	}
	var status roles.Status
	if err := a.get(ctx, "/status", &status); err != nil {
		return 0, fmt.Errorf("asking for today's date: %w; or name it with --on", err)
	}
	now := status.Clock.Now
	return schemas.DateOf(now.Year(), now.Month(), now.Day()), nil
}

// foldPots reads the states of all pots.
func foldPots(ctx context.Context, connection feed.Connection, registry *feed.Registry) (*ageing.Fold, error) {
	fold, topic := new(ageing.Fold), pot.Process().Table.Name
	err := feed.ReadToEnd(ctx, connection, topic, func(record feed.Record) error {
		switch {
		case len(record.Key) > 0 && record.Key[0] == streams.ControlMark:
			return nil // the engine's own
		case len(record.Value) == 0:
			fold.Note(string(record.Key), nil)
			return nil
		}
		payload, err := registry.Unframe(ctx, topic, record.Value)
		if err != nil {
			return err
		}
		table, r := new(state.PotTable), avrobin.NewReader(payload)
		table.DecodeAvro(r)
		if held, ok := table.Body.(*state.PotState); ok {
			fold.Note(string(record.Key), held)
		}
		return r.Done()
	})
	if err != nil {
		return nil, fmt.Errorf("reading the states of pots: %w", err)
	}
	return fold, nil
}

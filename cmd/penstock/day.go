package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/roles"
)

func newDay() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "day",
		GroupID: groupRun,
		Short:   "Close a day on the manual clock, and see what waits for what",
		Example: "  penstock day close 2008-03-20\n  penstock day status",
	}
	cmd.AddCommand(newDayClose(), newDayStatus(), newDayAdvance())
	return cmd
}

func newDayClose() *cobra.Command {
	var t target
	var asJSON, noPrices bool
	cmd := &cobra.Command{
		Use:   "close DATE",
		Short: "Move the simulated clock past the day's last cut-off and see the day through",
		Long: `Moves the simulated clock of a running "penstock up" to just after the latest cut-off of the day, writes ticks into every partition of
the instruction topic, waits until every shard and dealing have gone through the close, and prints the external trades that the
day came to. Then it publishes the closing prices of the day, and of days passed over, unless --no-prices.

On a day on which nothing deals only the time moves on. Closing a day twice changes nothing.`,
		Example: `  penstock day close 2008-03-20
  penstock day close 2008-03-20 --no-prices --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var closed roles.ClosedDay
			request := roles.CloseRequest{Date: args[0], NoPrices: noPrices}
			done := spin(cmd, "closing "+args[0])
			err := t.ask(cmd.Context(), http.MethodPost, "/clock/close", request, &closed)
			done()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), closed)
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s is closed; it is now %s\n", closed.Date, closed.Now.Format(time.RFC3339))
			switch {
			case !closed.Dealt:
				fmt.Fprintln(out, "nothing deals on that day")
			case len(closed.Trades) == 0:
				fmt.Fprintln(out, "nobody ordered anything for that day")
			default:
				if err := printTrades(out, closed.Trades); err != nil {
					return err
				}
			}
			fmt.Fprintf(out, "%d closing prices published\n", closed.Prices)
			return nil
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&noPrices, "no-prices", false, "publish no closing prices")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newDayAdvance() *cobra.Command {
	var t target
	cmd := &cobra.Command{
		Use:   "advance TIME",
		Short: "Move the simulated clock to a time, with a tick in every partition",
		Long: `Moves the simulated clock of a running "penstock up" forward; it never runs backwards. Days whose cut-offs are passed close, but
no prices are published for them.`,
		Example: "  penstock day advance 2008-03-25T09:30:00Z",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := time.Parse(time.RFC3339, args[0])
			if err != nil {
				return fmt.Errorf("time %q: write it as 2008-03-25T09:30:00Z", args[0])
			}
			var clock roles.ClockStatus
			if err := t.ask(cmd.Context(), http.MethodPost, "/clock/advance", roles.AdvanceRequest{To: to}, &clock); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "it is now %s\n", clock.Now.Format(time.RFC3339))
			return nil
		},
	}
	t.flags(cmd)
	return cmd
}

func newDayStatus() *cobra.Command {
	var t target
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show which days are closed, and what waits for what",
		Example: "  penstock day status\n  penstock day status --json | jq -r '.trades[].waits_for'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var status roles.DayStatus
			if err := t.get(cmd.Context(), "/day", &status); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), status)
			}
			return printDay(cmd, &status)
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printDay(cmd *cobra.Command, status *roles.DayStatus) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s clock at %s; every shard was told the time up to %s\n\n",
		status.Clock.Mode, status.Clock.Now.Format(time.RFC3339), status.Announced.Format(time.RFC3339))
	if len(status.Reached) > 0 {
		slowest, fastest := slices.MinFunc(status.Reached, time.Time.Compare), slices.MaxFunc(status.Reached, time.Time.Compare)
		if slowest.Before(fastest) {
			fmt.Fprintf(out, "partition %d of the instruction topic has only come to %s: days close no further until it has a tick\n\n",
				slices.IndexFunc(status.Reached, slowest.Equal), slowest.Format(time.RFC3339))
		}
	}
	t := newTable(out, "asset", "closed through", "next dealing day", "cut-off")
	for _, a := range status.Assets {
		cutOff := "no day known"
		if a.CutOff != nil {
			cutOff = a.CutOff.Format(time.RFC3339)
		}
		t.row(a.Asset, a.ClosedThrough, a.NextDay, cutOff)
	}
	if err := t.flush(); err != nil {
		return err
	}
	if err := printBatches(out, status); err != nil {
		return err
	}
	if err := printWaitingTrades(out, status); err != nil || len(status.Breaks) == 0 {
		return err
	}
	fmt.Fprintln(out)
	t = newTable(out, "break of", "asset", "confirmation", "class", "age", "reason")
	for i := range status.Breaks {
		b := &status.Breaks[i]
		t.row(b.Day, b.Asset, b.Confirmation, b.Class, b.AgeDays, b.Reason)
	}
	return t.flush()
}

func printWaitingTrades(out io.Writer, status *roles.DayStatus) error {
	if len(status.Trades) == 0 {
		fmt.Fprintln(out, "\nno external trade is under way")
		return nil
	}
	fmt.Fprintln(out)
	t := newTable(out, "day", "age", "asset", "side", "ordered", "orders", "status", "waits for")
	for i := range status.Trades {
		w := &status.Trades[i]
		t.row(w.Day, w.AgeDays, w.Asset, w.Side, w.Ordered, w.Orders, w.Status, w.WaitsFor)
	}
	return t.flush()
}

// printBatches shows the batches that are not complete, and what shards owe of others because pots are parked.
func printBatches(out io.Writer, status *roles.DayStatus) error {
	if len(status.Batches) > 0 {
		fmt.Fprintln(out)
		t := newTable(out, "day", "asset", "batch", "waits for")
		for i := range status.Batches {
			b := &status.Batches[i]
			t.row(b.Day, b.Asset, b.Trade, b.WaitsFor)
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	if len(status.Owed) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	t := newTable(out, "shard", "day", "asset", "trade", "owes until its parked pots are released")
	for i := range status.Owed {
		o := &status.Owed[i]
		t.row(o.Shard, o.Day, o.Asset, o.Trade, o.What)
	}
	return t.flush()
}

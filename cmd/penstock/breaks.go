package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

func newBreaks() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "breaks",
		GroupID: groupLook,
		Short:   "List open breaks, and end one",
		Long: `A confirmation that contradicts its trade is a break: nothing is posted for it. A break of a piece ends by itself when that piece comes as it should; any
other is ended by an operator, with a reason.`,
		Example: `  penstock breaks list
  penstock breaks dismiss b7c6a0d2-6b5e-5d0e-9f3b-0f4f2c1a7e55 f-17 --operator anna --reason "withdrawn by the custodian" --execute`,
	}
	cmd.AddCommand(newBreaksList(), newBreaksEnd(false), newBreaksEnd(true))
	return cmd
}

func newBreaksList() *cobra.Command {
	var t target
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the confirmations that contradict their trades",
		Example: "  penstock breaks list\n  penstock breaks list --json | jq -r '.[].trade'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var status roles.DayStatus
			if err := t.get(cmd.Context(), "/day", &status); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), status.Breaks)
			}
			out := newTable(cmd.OutOrStdout(), "trade", "confirmation", "day", "asset", "class", "age", "reason")
			for i := range status.Breaks {
				b := &status.Breaks[i]
				out.row(b.Trade, b.Confirmation, b.Day, b.Asset, b.Class, b.AgeDays, b.Reason)
			}
			return out.flush()
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// newBreaksEnd returns the command that ends a break: its confirmation is dismissed, or taken as it is.
func newBreaksEnd(accept bool) *cobra.Command {
	var a act
	verb, short := "dismiss", "Dismiss a confirmation that contradicts its trade"
	long := "Nothing is posted for it. Prints what would happen, and acts only with --execute."
	if accept {
		verb, short = "accept", "Take a confirmation as it is whose units do not fit its cash and price"
		long = "Only a break of class amount in which just the units do not fit can be taken. Prints what would happen, and acts only with --execute."
	}
	cmd := &cobra.Command{
		Use:     verb + " TRADE CONFIRMATION",
		Short:   short,
		Long:    long,
		Example: fmt.Sprintf("  penstock breaks %s b7c6a0d2-6b5e-5d0e-9f3b-0f4f2c1a7e55 f-17 --operator anna --reason \"agreed with the custodian\" --execute", verb),
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			trade, err := schemas.ParseID(args[0])
			if err != nil {
				return fmt.Errorf("trade %q: %w; see: penstock breaks list", args[0], err)
			}
			var status roles.DayStatus
			if err := a.get(cmd.Context(), "/day", &status); err != nil {
				return err
			}
			for i := range status.Breaks {
				b := &status.Breaks[i]
				if b.Trade != trade.String() || b.Confirmation != args[1] {
					continue
				}
				plan := fmt.Sprintf("%s confirmation %s of %s for the trade in %s of %s (%s)", verb, b.Confirmation, b.Custodian, b.Asset, b.Day, b.Reason)
				return a.run(cmd, plan, &ingest.BreakResolution{Trade: trade, Confirmation: b.Confirmation, Accept: accept})
			}
			return fmt.Errorf("confirmation %s of trade %s is no open break; see: penstock breaks list", args[1], trade)
		},
	}
	a.flags(cmd)
	return cmd
}

func newRefund() *cobra.Command {
	var a act
	cmd := &cobra.Command{
		Use:     "refund REFERENCE CASH PAYEE",
		GroupID: groupLook,
		Short:   "Send back cash that the bank has received and nobody has claimed",
		Long: `All that is held under the payment reference is paid to PAYEE, a reference that the payments system knows. CASH names the amount again, so that nothing else
is sent; another one is refused. Prints what would happen, and acts only with --execute. The payment is told on payment.order.v1, a refusal on audit.rejection.v1.`,
		Example: `  penstock refund R2 9.00 sender-17 --operator anna --reason "nobody claims it" --execute`,
		Args:    cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			cash, err := schemas.ParseMoney(args[1])
			if err != nil {
				return fmt.Errorf("cash %q: %w; write it as 9.00", args[1], err)
			}
			plan := fmt.Sprintf("pay %s, held under reference %s, to %s", cash, args[0], args[2])
			return a.run(cmd, plan, &ingest.ReceiptRefund{Reference: args[0], Cash: cash, Payee: args[2]})
		},
	}
	a.flags(cmd)
	return cmd
}

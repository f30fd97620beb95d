package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

func newSettlement() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "settlement",
		GroupID: groupLook,
		Short:   "Give up a settlement that failed for good",
		Example: `  penstock settlement give-up b7c6a0d2-6b5e-5d0e-9f3b-0f4f2c1a7e55 --operator anna --reason "insolvent" --execute`,
	}
	cmd.AddCommand(newSettlementGiveUp())
	return cmd
}

func newSettlementGiveUp() *cobra.Command {
	var a act
	cmd := &cobra.Command{
		Use:   "give-up TRADE",
		Short: "Negate what a trade dealt that will never settle, and end its orders or let them go on",
		Long: `The custodian has said that the settlement failed. What the trade dealt is negated, and its orders end or go on to the next open day, as the asset's policy has it
for a rejection. Prints what would happen, and acts only with --execute. A refusal is told on audit.rejection.v1.`,
		Example: `  penstock settlement give-up b7c6a0d2-6b5e-5d0e-9f3b-0f4f2c1a7e55 --operator anna --reason "insolvent" --execute`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			trade, err := schemas.ParseID(args[0])
			if err != nil {
				return fmt.Errorf("trade %q: %w; see: penstock day status --json", args[0], err)
			}
			var status roles.DayStatus
			if err := a.get(cmd.Context(), "/day", &status); err != nil {
				return err
			}
			for i := range status.Trades {
				w := &status.Trades[i]
				if w.Trade != trade.String() {
					continue
				}
				plan := fmt.Sprintf("give up the settlement of the %s in %s of %s for %s, with %d orders (%s)", w.Side, w.Asset, w.Day, w.Ordered, w.Orders, w.WaitsFor)
				return a.run(cmd, plan, &ingest.SettlementGiveUp{Trade: trade})
			}
			return fmt.Errorf("trade %s is not under way; see: penstock day status", trade)
		},
	}
	a.flags(cmd)
	return cmd
}

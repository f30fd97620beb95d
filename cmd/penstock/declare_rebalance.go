package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

func newDeclareRebalance() *cobra.Command {
	var d declaring
	var absolute, relative, minimum string
	body := &ingest.Rebalancing{}
	cmd := d.command("rebalance DATE", "2008-04-18", "Trade every pot with a standing choice that is outside its bands back to what was chosen", 1, func(args []string) (ingest.OperationBody, error) {
		var err error
		if body.Dated, err = parseDay(args[0]); err != nil {
			return nil, err
		}
		if body.Absolute, err = parseBand(absolute); err != nil {
			return nil, err
		}
		if body.Relative, err = parseBand(relative); err != nil {
			return nil, err
		}
		if body.Absolute == nil && body.Relative == nil {
			return nil, fmt.Errorf("no band: say how far a pot may be from what was chosen with --absolute 0.05, --relative 0.2 or both")
		}
		if body.Minimum, err = schemas.ParseMoney(minimum); err != nil {
			return nil, fmt.Errorf("minimum %q: %w; write it as 10.00", minimum, err)
		}
		return body, nil
	})
	cmd.Example = `  penstock declare rebalance 2008-04-18 --absolute 0.05 --minimum 25.00 --id rebalance-2008-q1 --operator anna --reason "each quarter" --execute`
	cmd.Long = `There is one run a day; each pot with a choice tells by its status on instruction.status.v1 what it trades, or why it does not. Values are those at the last
released closes. DATE is that of the declaration: orders are made, and deal, from the moment on at which the shards are told.`
	cmd.Flags().StringVar(&absolute, "absolute", "", "how far an asset's part of the value may be from its weight: 0.05 allows 45 to 55 % for one of 50 %")
	cmd.Flags().StringVar(&relative, "relative", "", "how far an asset's value may be from its target, as a part of that: 0.2 allows 8 to 12 % for one of 10 %")
	cmd.Flags().StringVar(&minimum, "minimum", "1.00", "what a trade is worth at least, 1.00 or more")
	cmd.Flags().BoolVar(&body.InvestCash, "invest-cash", false, "invest available cash, too")
	cmd.Flags().BoolVar(&body.WhileUnsettled, "while-unsettled", false, "trade pots, too, of which something is unsettled")
	return cmd
}

// parseBand reads a tolerance band; empty: there is none.
func parseBand(text string) (*schemas.Weight, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no band is what was asked for
	}
	band, err := schemas.ParseWeight(text)
	if err != nil {
		return nil, fmt.Errorf("band %q: %w; write five percent as 0.05", text, err)
	}
	return &band, nil
}

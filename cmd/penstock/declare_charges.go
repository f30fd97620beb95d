package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

func newDeclareFee() *cobra.Command {
	var d declaring
	cmd := d.command("fee CASH FLOOR DATE", "1.50 100.00 2008-04-30", "Take a flat fee from every pot that is worth more than the floor", 3, func(args []string) (ingest.OperationBody, error) {
		var cash [2]schemas.Money
		for n := range cash {
			var err error
			if cash[n], err = schemas.ParseMoney(args[n]); err != nil {
				return nil, fmt.Errorf("amount %q: %w; write it as 1.50", args[n], err)
			}
		}
		day, err := parseDay(args[2])
		return &ingest.FlatFee{Cash: cash[0], Floor: cash[1], Dated: day}, err
	})
	cmd.Long = `A pot worth no more than FLOOR pays nothing, and none is taken below it. DATE is that of the declaration: the fee is booked on the day on which it is taken.`
	return cmd
}

func newDeclareAccrual() *cobra.Command {
	var d declaring
	cmd := d.command("accrual FROM THROUGH RATE", "2008-04-01 2008-04-30 0.005", "Let the annual charge accrue for the days of a period", 3, func(args []string) (ingest.OperationBody, error) {
		body := &ingest.ChargeAccrual{}
		for n, into := range []*schemas.Date{&body.From, &body.Through} {
			var err error
			if *into, err = parseDay(args[n]); err != nil {
				return nil, err
			}
		}
		var err error
		if body.Rate, err = schemas.ParseWeight(args[2]); err != nil {
			return nil, fmt.Errorf("rate %q: %w; write half a percent a year as 0.005", args[2], err)
		}
		return body, nil
	})
	cmd.Long = `FROM is the day after the last that accrued; a period has at most 31 days. RATE is the charge of a year of 365 days, as a part of a pot's value. Nothing is taken:
what has accrued is taken by penstock declare collection. Where reference data name an annual charge it accrues by itself, but for days that were declared
before they were over.`
	return cmd
}

func newDeclareCollection() *cobra.Command {
	var d declaring
	var byUnits bool
	cmd := d.command("collection DATE", "2008-04-30", "Take from every pot what has accrued of the annual charge", 1, func(args []string) (ingest.OperationBody, error) {
		day, err := parseDay(args[0])
		return &ingest.ChargeCollection{Dated: day, ByUnits: byUnits}, err
	})
	cmd.Long = `It is taken from available cash. Where that is not enough the rest stays owed, or units are sold for it with --by-units. DATE is that of the declaration.`
	cmd.Flags().BoolVar(&byUnits, "by-units", false, "sell units where the cash is not enough")
	return cmd
}

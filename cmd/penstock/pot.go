package main

import (
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/roles"
)

func newPot() *cobra.Command {
	cmd := &cobra.Command{Use: "pot", GroupID: groupLook, Short: "Show a member's pot", Example: "  penstock pot show p1"}
	cmd.AddCommand(newPotShow())
	return cmd
}

func newPotShow() *cobra.Command {
	var t target
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show POT",
		Short: "Show what a pot holds and which orders are under way",
		Long: `Asks the instance that runs the pot's shard for its committed state. The authoritative balances are in Postgres:
see penstock ledger balances --pot POT.`,
		Example: "  penstock pot show p1\n  penstock pot show p1 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var pot roles.PotView
			if err := t.get(cmd.Context(), "/pots/"+url.PathEscape(args[0]), &pot); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), pot)
			}
			return printPot(cmd, &pot)
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printPot(cmd *cobra.Command, pot *roles.PotView) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "pot %s\n\n", pot.Pot)
	t := newTable(out, "asset", "available or settled", "reserved", "pending", "payable")
	t.row("cash", pot.Available, pot.Reserved, pot.Pending, pot.Payable)
	for _, h := range pot.Holdings {
		t.row(h.Asset, h.Settled, h.Reserved, h.Pending, "-")
	}
	if err := t.flush(); err != nil {
		return err
	}
	if pot.ClosedOn != "" {
		fmt.Fprintf(out, "\nclosed on %s\n", pot.ClosedOn)
	}
	if err := printMoney(out, pot); err != nil || len(pot.Orders) == 0 {
		return err
	}
	fmt.Fprintln(out)
	t = newTable(out, "order", "instruction", "asset", "side", "dealing day", "amount", "given", "got", "priced")
	for i := range pot.Orders {
		o := &pot.Orders[i]
		t.row(o.Order, o.Instruction, o.Asset, o.Side, o.DealingDay, o.Amount, o.Given, o.Got, o.Priced)
	}
	return t.flush()
}

// printMoney prints what is on its way out of the pot, and what it waits for.
func printMoney(out io.Writer, pot *roles.PotView) error {
	if len(pot.Held) > 0 {
		fmt.Fprintln(out)
		t := newTable(out, "held for review", "source", "asks for", "received", "expires on")
		for i := range pot.Held {
			h := &pot.Held[i]
			t.row(h.Instruction, h.Source, h.Kind, h.ReceivedAt.Format("2006-01-02 15:04"), h.ExpiresOn)
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	if len(pot.Payments) > 0 {
		fmt.Fprintln(out)
		t := newTable(out, "payment", "instruction", "payee", "cash", "stage", "on", "recalled")
		for i := range pot.Payments {
			p := &pot.Payments[i]
			t.row(p.Payment, p.Instruction, p.Payee, p.Cash, p.Stage, p.On, p.Recalled)
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	if err := printDeliveries(out, pot.Deliveries); err != nil {
		return err
	}
	if len(pot.Claims) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	t := newTable(out, "transfer in", "reference")
	for i := range pot.Claims {
		t.row(pot.Claims[i].Instruction, pot.Claims[i].Reference)
	}
	return t.flush()
}

// printDeliveries prints units in specie that come to the pot or leave it.
func printDeliveries(out io.Writer, deliveries []roles.DeliveryView) error {
	if len(deliveries) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	t := newTable(out, "delivery", "in/out", "asset", "units", "custodian", "stage", "on", "instruction", "receiver", "recalled")
	for i := range deliveries {
		d := &deliveries[i]
		t.row(d.Delivery, d.Direction, d.Asset, d.Units, d.Custodian, d.Stage, d.On, d.Instruction, d.Receiver, d.Recalled)
	}
	return t.flush()
}

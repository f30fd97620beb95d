package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams"
)

func newCorrect() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "correct",
		GroupID: groupLook,
		Short:   "Correct a price after its allocation",
		Example: `  penstock correct price GOOG 2008-04-18 539.41 593.41 --operator anna --reason "digits swapped by the vendor"`,
	}
	cmd.AddCommand(newCorrectPrice())
	return cmd
}

// planLinesMax bounds the lines of a plan that are printed; its totals are not bounded.
const planLinesMax = 10_000

// correction is an operator's correction of a released close.
type correction struct {
	act
	asset      schemas.AssetCode
	date       schemas.Date
	old, right schemas.Price
}

func newCorrectPrice() *cobra.Command {
	var c correction
	cmd := &cobra.Command{
		Use:   "price ASSET DATE OLD NEW",
		Short: "Show what a right price would change, pot by pot; with --execute correct it",
		Long: `Prints the plan, worked out from the ledger: the pots, their orders and postings, what those moved and would move, and what has left the pots since, which the
scheme makes good. The list ends after 10,000 lines and says so; the totals are of all pots. It acts only with --execute: then every order that was dealt at the old price is negated and booked anew on the same days. Prices are in the
trust's currency. The old one is named again, so that nothing else than what was looked at is corrected.`,
		Example: `  penstock correct price GOOG 2008-04-18 539.41 593.41 --operator anna --reason "digits swapped by the vendor" --execute`,
		Args:    cobra.ExactArgs(4),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.parse(args); err != nil {
				return err
			}
			return c.run(cmd)
		},
	}
	c.flags(cmd)
	return cmd
}

func (c *correction) parse(args []string) error {
	c.asset = schemas.AssetCode(args[0])
	var err error
	if c.date, err = parseDay(args[1]); err != nil {
		return err
	}
	for n, into := range []*schemas.Price{&c.old, &c.right} {
		if *into, err = schemas.ParsePrice(args[2+n]); err != nil {
			return fmt.Errorf("price %q: %w; write it as 539.41", args[2+n], err)
		}
	}
	if c.right <= 0 || c.right == c.old {
		return fmt.Errorf("price %s: the right price is more than nothing, and another one than the old", c.right)
	}
	return nil
}

func (c *correction) run(cmd *cobra.Command) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	if err := c.checkKnown(ctx); err != nil {
		return err
	}
	pool, err := c.auditor(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	plan, err := postgres.PlanCorrection(ctx, pool, c.asset, c.date, c.right, planLinesMax)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "correct the close of %s on %s from %s to %s, by %s: %s\n", c.asset, c.date, c.old, c.right, c.operator, c.reason)
	if err := printCorrection(out, plan); err != nil {
		return err
	}
	if !c.planned(out) {
		return nil
	}
	if strings.TrimSpace(c.reason) == "" {
		return errors.New("the reason is empty")
	}
	if err := c.send(ctx, c.operation(&ingest.PriceCorrection{Asset: c.asset, Date: c.date, Old: c.old, New: c.right})); err != nil {
		return err
	}
	fmt.Fprintf(out, "sent; see: penstock prices list, and penstock tail %s\n", streams.AuditRejection)
	return nil
}

// printCorrection writes the plan by pot, and its totals, which are of all pots.
func printCorrection(out io.Writer, plan *postgres.CorrectionPlan) error {
	t := newTable(out, "pot", "orders", "postings", "of", "was", "would be", "made good by the scheme")
	for _, p := range plan.Lines {
		t.row(p.Pot, p.Orders, p.Postings, p.What, p.Was, p.Would, p.Missing)
	}
	if err := t.flush(); err != nil {
		return err
	}
	if shown := int64(len(plan.Lines)); shown < plan.LinesInAll {
		fmt.Fprintf(out, "these are the first %d of %d lines; the totals are of all\n", shown, plan.LinesInAll)
	}
	fmt.Fprintf(out, "%d pots, %d orders, %d postings to be negated\n", plan.Pots, plan.Orders, plan.Postings)
	fmt.Fprintf(out, "made good by the scheme: %s units, %s in cash\n", plan.MissingUnits, plan.MissingCash)
	return nil
}

// checkKnown refuses what dealing would refuse: a close that is not the released one.
func (c *correction) checkKnown(ctx context.Context) error {
	var prices []roles.PriceView
	if err := c.get(ctx, "/prices", &prices); err != nil {
		return err
	}
	for i := range prices {
		p := &prices[i]
		if p.Asset != c.asset || p.Date != c.date.String() || !p.Released {
			continue
		}
		if p.Price != c.old.String() {
			return fmt.Errorf("the close of %s on %s is %s, not %s", c.asset, c.date, p.Price, c.old)
		}
		return nil
	}
	return fmt.Errorf("no close of %s on %s is released; see: penstock prices list", c.asset, c.date)
}

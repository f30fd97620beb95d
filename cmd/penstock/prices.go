package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

func newPrices() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "prices",
		GroupID: groupLook,
		Short:   "List closing prices; release or refuse one that waits for a person",
		Long: `A vendor's close that moved further than the asset's tolerance is parked: nothing is allocated at it until a person releases or
refuses it, with a reason that is kept.`,
		Example: `  penstock prices list --parked
  penstock prices release GOOG 2008-04-18 539.41 --operator anna --reason "results, checked with two sources" --execute`,
	}
	cmd.AddCommand(newPricesList(), newPricesJudge(true), newPricesJudge(false))
	return cmd
}

func newPricesList() *cobra.Command {
	var t target
	var asJSON, parked bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the closes that dealing knows",
		Example: "  penstock prices list\n  penstock prices list --parked --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var prices []roles.PriceView
			if err := t.get(cmd.Context(), "/prices", &prices); err != nil {
				return err
			}
			shown := make([]roles.PriceView, 0, len(prices))
			for _, p := range prices {
				if !parked || !p.Released {
					shown = append(shown, p)
				}
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), shown)
			}
			table := newTable(cmd.OutOrStdout(), "asset", "date", "price", "version", "state")
			for _, p := range shown {
				state := "released"
				if !p.Released {
					state = "parked"
				}
				table.row(p.Asset, p.Date, p.Price, p.Version, state)
			}
			return table.flush()
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&parked, "parked", false, "only those that wait for a person")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// judgement is an operator's word on a parked price.
type judgement struct {
	act
	release bool
	asset   schemas.AssetCode
	date    schemas.Date
	price   schemas.Price
}

func newPricesJudge(release bool) *cobra.Command {
	j := judgement{release: release}
	verb, short := "release", "Release a parked price: the trades that wait for it are allocated at it"
	if !release {
		verb, short = "refuse", "Refuse a parked price: it is forgotten, and the vendor can send another"
	}
	cmd := &cobra.Command{
		Use:   verb + " ASSET DATE PRICE",
		Short: short,
		Long: `Prints what would happen, and acts only with --execute. The price is named again, in the trust's currency, so that nothing else
than what was looked at is judged.`,
		Example: fmt.Sprintf("  penstock prices %s GOOG 2008-04-18 539.41 --operator anna --reason \"checked with two sources\" --execute", verb),
		Args:    cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := j.parse(args); err != nil {
				return err
			}
			return j.run(cmd)
		},
	}
	j.flags(cmd)
	return cmd
}

func (j *judgement) parse(args []string) error {
	j.asset = schemas.AssetCode(args[0])
	var err error
	if j.date, err = parseDay(args[1]); err != nil {
		return err
	}
	if j.price, err = schemas.ParsePrice(args[2]); err != nil {
		return fmt.Errorf("price %q: %w; write it as 539.41", args[2], err)
	}
	return nil
}

func (j *judgement) run(cmd *cobra.Command) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	parked, err := j.parked(ctx)
	if err != nil {
		return err
	}
	if parked == nil || parked.Price != j.price.String() {
		return j.notParked(parked)
	}
	var trades []roles.TradeView
	if err := j.get(ctx, "/trades?day="+url.QueryEscape(j.date.String()), &trades); err != nil {
		return err
	}
	verb := "release"
	if !j.release {
		verb = "refuse"
	}
	fmt.Fprintf(out, "%s %s of %s on %s, by %s: %s\n", verb, j.price, j.asset, j.date, j.operator, j.reason)
	for i := range trades {
		if d := &trades[i]; d.Asset == j.asset {
			fmt.Fprintf(out, "concerns trade %s: %s %s for %d member orders, %s\n", d.Trade, d.Side, d.Ordered, d.Orders, d.Status)
		}
	}
	if !j.planned(out) {
		return nil
	}
	if err := j.send(ctx, j.operation(j.word())); err != nil {
		return err
	}
	return j.await(cmd)
}

// parked returns the close as dealing knows it, nil where it knows none.
func (j *judgement) parked(ctx context.Context) (*roles.PriceView, error) {
	var prices []roles.PriceView
	if err := j.get(ctx, "/prices", &prices); err != nil {
		return nil, err
	}
	for i := range prices {
		if p := &prices[i]; p.Asset == j.asset && p.Date == j.date.String() && !p.Released {
			return p, nil
		}
	}
	return nil, nil
}

func (j *judgement) notParked(other *roles.PriceView) error {
	if other != nil {
		return fmt.Errorf("the parked price of %s on %s is %s, not %s", j.asset, j.date, other.Price, j.price)
	}
	return fmt.Errorf("no price of %s on %s is parked; see: penstock prices list", j.asset, j.date)
}

func (j *judgement) word() ingest.OperationBody {
	if j.release {
		return &ingest.PriceRelease{Asset: j.asset, Date: j.date, Price: j.price}
	}
	return &ingest.PriceRefusal{Asset: j.asset, Date: j.date, Price: j.price}
}

const (
	// judgedMax bounds the wait until dealing has heard of an operator's word, judgedEvery is how often it is asked.
	judgedMax   = 30 * time.Second
	judgedEvery = 100 * time.Millisecond
)

func (j *judgement) await(cmd *cobra.Command) error {
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), judgedMax, errors.New("dealing has not heard of it yet; see: penstock day status"))
	defer cancel()
	for {
		parked, err := j.parked(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if parked == nil {
			fmt.Fprintln(cmd.OutOrStdout(), "done")
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(judgedEvery):
		}
	}
}

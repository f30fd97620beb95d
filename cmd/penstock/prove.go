package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/processors/proof"
	"github.com/penstock-ledger/penstock/schemas"
)

// proveFlags are the flags of `prove`.
type proveFlags struct {
	target
	trade, output           string
	verify, published, root string
	json                    bool
}

func newProve() *cobra.Command {
	var flags proveFlags
	cmd := &cobra.Command{
		Use:     "prove [ORDER]",
		GroupID: groupLook,
		Short:   "Prove that an order is in its external trade, or verify such a proof",
		Long: `Writes a proof, as JSON, that a member's order is in an external trade, with its weight, under the root that was published before the trade was
placed. It shows nothing of another member's order. With --verify it checks a proof, without database or brokers, and with --published or --root holds it against what
you have from elsewhere: a proof that is held against nothing shows only that it agrees with itself. A root does not say of which trade it is: name that with --trade,
or nothing is said of the trade. The exit status is 1 when a proof does not hold.`,
		Example: `  penstock prove 663004f8-a1ff-5323-9bd1-f0683f832fdd --output proof.json
  penstock tail ledger.trade.v1 --no-follow --json | grep batched | grep 1d0c7d53-7e32-55a1-b5f3-0a3c1bb3a2f4 > trade.json
  penstock prove --verify proof.json --published trade.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case flags.verify != "" && len(args) == 0:
				return flags.check(cmd)
			case flags.verify == "" && len(args) == 1:
				return flags.make(cmd, args[0])
			}
			return errors.New("name an order to prove, or a proof with --verify")
		},
	}
	flags.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&flags.trade, "trade", "", "prove it in this external trade (default: the last one that it is in); with --verify: the trade that it should be in")
	f.StringVar(&flags.output, "output", "", "the file to write; the terminal if it is missing")
	f.StringVar(&flags.verify, "verify", "", "check the proof in this file")
	f.StringVar(&flags.published, "published", "", "with --verify: a file with the record that published the trade, as penstock tail ledger.trade.v1 --json prints it")
	f.StringVar(&flags.root, "root", "", "with --verify: the trade's root, as it was told to the custodian with the trade's id (--trade)")
	f.BoolVar(&flags.json, "json", false, "with --verify: print JSON; a proof is JSON always")
	cmd.MarkFlagsMutuallyExclusive("published", "root")
	return cmd
}

func (f *proveFlags) make(cmd *cobra.Command, text string) error {
	if f.published != "" || f.root != "" {
		return errors.New("--published and --root go with --verify")
	}
	order, err := schemas.ParseID(text)
	if err != nil {
		return fmt.Errorf("order %q: %w; penstock trace shows the orders of an instruction", text, err)
	}
	p, err := f.find(cmd.Context(), order)
	if err != nil {
		return fmt.Errorf("proving order %s: %w", order, err)
	}
	if f.output == "" {
		return printJSON(cmd.OutOrStdout(), p)
	}
	indented, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.output, append(indented, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the proof: %w", err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "order %s is in trade %s; %s has the proof\n", order, p.Trade.ID, f.output)
	return nil
}

// verdict is what --verify says of a proof that holds.
type verdict struct {
	Order  string `json:"order"`
	Weight int64  `json:"weight"`
	// Trade is missing where the proof was held against a root alone: that does not say of which trade it is.
	Trade string `json:"trade,omitempty"`
	Root  string `json:"root"`
	// Compared is what the proof was held against, one of the names below.
	Compared string `json:"compared"`
}

// What a proof was held against.
const (
	comparedPublished = "published"
	comparedTrade     = "root and trade"
	comparedRoot      = "root"
	comparedNothing   = "nothing"
)

func (f *proveFlags) check(cmd *cobra.Command) error {
	text, err := os.ReadFile(f.verify)
	if err != nil {
		return fmt.Errorf("reading the proof: %w", err)
	}
	p, err := proof.Parse(text)
	if err != nil {
		return err
	}
	if err := p.Check(); err != nil {
		return err
	}
	compared, err := f.compare(p)
	if err != nil {
		return err
	}
	v := verdict{p.Order.ID, p.Order.Weight, p.Trade.ID, p.Trade.Root, compared}
	if compared == comparedRoot {
		v.Trade = ""
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), v)
	}
	v.print(cmd.OutOrStdout(), p)
	return nil
}

// print says what the proof shows, and nothing that it only says.
func (v *verdict) print(out io.Writer, p *proof.Proof) {
	if v.Trade == "" {
		fmt.Fprintf(out, "order %s of weight %d is under the root that you gave\n", v.Order, v.Weight)
	} else {
		fmt.Fprintf(out, "order %s of weight %d is in trade %s\n    of %s, %s %s by %s at %s\n", v.Order, v.Weight, v.Trade, p.Trade.Day, p.Trade.Side, p.Trade.Asset, p.Trade.Basis, p.Trade.Custodian)
	}
	if len(p.Order.Derivation) > 0 {
		fmt.Fprintf(out, "    its id is derived from %q\n", p.Order.Derivation[0])
	}
	switch v.Compared {
	case comparedPublished:
		fmt.Fprintf(out, "    whose root was published at %s/%d@%d, as the record that you gave says\n", p.Published.Topic, p.Published.Partition, p.Published.Offset)
	case comparedTrade:
		fmt.Fprintln(out, "    whose id and root are those that you gave")
	case comparedRoot:
		fmt.Fprintln(out, "    of which trade that is the root, and so what the weight is counted in, is not shown: name the trade that it was told of (--trade)")
	default:
		fmt.Fprintf(out, "    if %s is its root: hold that against the record %s/%d@%d (--published), or what the custodian was sent (--root and --trade)\n",
			v.Root, p.Published.Topic, p.Published.Partition, p.Published.Offset)
	}
}

// compare holds the proof against what the verifier has, and says what that was.
func (f *proveFlags) compare(p *proof.Proof) (string, error) {
	if f.trade != "" {
		if err := p.CompareTrade(f.trade); err != nil {
			return "", err
		}
	}
	switch {
	case f.root != "" && f.trade != "":
		return comparedTrade, p.CompareRoot(f.root)
	case f.root != "":
		return comparedRoot, p.CompareRoot(f.root)
	case f.published != "":
		line, err := os.ReadFile(f.published)
		if err != nil {
			return "", fmt.Errorf("reading the published trade: %w", err)
		}
		published, err := proof.ParsePublished(line)
		if err != nil {
			return "", err
		}
		return comparedPublished, p.Compare(published)
	}
	return comparedNothing, nil
}

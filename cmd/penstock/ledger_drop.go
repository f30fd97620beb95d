package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/archive"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

// dropMonths are the flags of `ledger drop`.
type dropMonths struct {
	act
	anchors, publicKey string
	json               bool
}

func newLedgerDrop() *cobra.Command {
	var d dropMonths
	cmd := &cobra.Command{
		Use:   "drop ARCHIVE",
		Short: "Drop the oldest months from the ledger, once an archive has them",
		Long: `Verifies the folder as penstock ledger verify --archive does, with --anchors against what was signed; reads its months in the ledger once more, every journal
against its hash and the last of each shard against the archive; and prints what would leave and what would stay. With --execute it writes, in one transaction, where each
shard's chain begins from then on and by how much each account had changed, and drops the tables of the months. Only the oldest months can be dropped, and only such as are
over in every shard. Tables that somebody reads are asked for again and again, for some minutes; then nothing was done. Balances stay as they are; what only the archive
knows is refused with its name. The archive is then the only place with these journals: keep
copies of it, and sign anew afterwards (penstock ledger anchor), which covers what stays. The login must be able to take the role penstock_owner.`,
		Example: `  penstock ledger export --format csv --from 2008-01 --to 2008-03 --output ledger-2008-q1
  penstock ledger drop ledger-2008-q1 --anchors heads.jws --public-key anchor.pub --operator anna --reason "kept in two vaults" --execute`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return d.run(cmd, args[0]) },
	}
	d.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&d.anchors, "anchors", "", "compare the archive with the signed heads in this file")
	f.StringVar(&d.publicKey, "public-key", "", "public key of the anchors, in PEM")
	f.BoolVar(&d.json, "json", false, "print JSON")
	cmd.MarkFlagsRequiredTogether("anchors", "public-key")
	return cmd
}

func (d *dropMonths) run(cmd *cobra.Command, dir string) error {
	anchors, err := readAnchors(d.anchors, d.publicKey)
	if err != nil {
		return err
	}
	found, err := archive.Verify([]string{dir}, anchors)
	if err != nil {
		return err
	}
	drop, err := archive.Drop(dir, d.operator, d.reason)
	if err != nil {
		return err
	}
	pool, err := d.ledgerAs(cmd.Context(), postgres.RoleOwner)
	if err != nil {
		return err
	}
	defer pool.Close()
	drop.Patience.Waits = func(attempt, attempts int) {
		fmt.Fprintf(cmd.ErrOrStderr(), "the ledger is being read; it gives way (%d of %d)\n", attempt, attempts)
	}
	show, finish := progress(cmd, "comparing journals")
	plan, err := postgres.DropMonths(cmd.Context(), pool, drop, d.execute, show)
	finish()
	if err != nil {
		return err
	}
	if d.json {
		return printJSON(cmd.OutOrStdout(), map[string]any{"executed": d.execute, "signedHeads": found.Anchored, "plan": plan})
	}
	d.print(cmd.OutOrStdout(), plan, found)
	return nil
}

func (d *dropMonths) print(out io.Writer, plan *postgres.DropPlan, found *archive.Verified) {
	last := (plan.Last + 1).Begin().Time().AddDate(0, 0, -1).Format("2006-01-02")
	fmt.Fprintf(out, "drop %s to %s, by %s: %s\n", plan.First, plan.Last, d.operator, d.reason)
	fmt.Fprintf(out, "%d journals with %d postings leave the ledger: %d tables of %.1f MB\n", plan.Journals, plan.Postings, plan.Tables, float64(plan.Bytes)/1e6)
	fmt.Fprintf(out, "archive %s has exactly these; %d signed heads were met\n", plan.Archive, found.Anchored)
	fmt.Fprintf(out, "what they come to stays: %d balances, %d of them for days after %s\n", plan.Balances, plan.Later, last)
	fmt.Fprintf(out, "%d orders were not dealt to their end; %d payments, %d deliveries and %d trades have postings there\n", plan.Orders, plan.Payments, plan.Deliveries, plan.Trades)
	fmt.Fprintf(out, "from then on, recorded times before %s and effective dates before %s are refused\n",
		(plan.Last + 1).Begin().Time().Format("2006-01-02"), last)
	if d.planned(out) {
		fmt.Fprintf(out, "done; it is act %d (report.openings)\n", plan.Act)
	}
}
